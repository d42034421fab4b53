# frozen_string_literal: true

module Daytona
  # The base of all data classes: comparison, `inspect` without secrets, conversion to a hash, pattern matching.
  class Model
    # How much of a text, and of a list, is shown.
    SHOWN_TEXT = 200
    SHOWN_ITEMS = 10
    private_constant :SHOWN_TEXT, :SHOWN_ITEMS

    class << self
      # @return [Model] The value itself, or a hash of attributes as an instance of this class.
      # @raise [Sdk::InvalidArgumentError] For anything else, and for attributes it does not have.
      # @api private
      def coerce(value)
        case value
        when self then value
        when Hash then from_attributes(value)
        else raise Sdk::InvalidArgumentError, "Expected a #{name} or a Hash, got #{shown(value)}."
        end
      end

      private

      def from_attributes(attributes)
        new(**attributes.transform_keys(&:to_sym))
      rescue ArgumentError => e
        # Ruby names the attributes that are unknown or missing.
        raise Sdk::InvalidArgumentError, "The attributes of a #{name} cannot be used: #{e.message}."
      end

      # Cuts long text, and names only the class of other objects, which may hold secrets.
      def shown(value)
        case value
        when String, Symbol, Numeric, nil then value.inspect[0, SHOWN_TEXT]
        else value.class
        end
      end
    end

    # @return [Hash{Symbol => Object}] The attributes.
    def to_h
      instance_variables.to_h { |name| [name[1..].to_sym, instance_variable_get(name)] }
    end

    # For pattern matching.
    def deconstruct_keys(_keys)
      to_h
    end

    # @return [Boolean] Whether class and attributes are the same.
    def ==(other)
      other.instance_of?(self.class) && other.to_h == to_h
    end
    alias eql? ==

    # @return [Integer]
    def hash
      [self.class, to_h].hash
    end

    # @return [String] Class and attributes that are set; long values are cut, secrets hidden.
    def inspect
      shown = to_h.compact.map { |name, value| "#{name}=#{hidden_names.include?(name) ? hidden(value) : shown(value)}" }
      "#<#{[self.class.name, *shown].join(' ')}>"
    end
    alias to_s inspect

    private

    # Attributes whose values are not shown.
    def hidden_names
      []
    end

    def hidden(value)
      return '"***"' unless value.is_a?(Hash)

      "{#{value.keys.map { |key| "#{key.inspect}=>\"***\"" }.join(', ')}}"
    end

    def shown(value)
      if value.is_a?(String) && value.size > SHOWN_TEXT
        "#{value[0, SHOWN_TEXT].inspect}… (#{value.size} characters)"
      elsif value.is_a?(Array) && value.size > SHOWN_ITEMS
        "[#{value.first(SHOWN_ITEMS).map { |item| shown(item) }.join(', ')}, … (#{value.size} items)]"
      else
        value.inspect
      end
    end
  end
end
