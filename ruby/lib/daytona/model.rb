# frozen_string_literal: true

module Daytona
  # What all data classes can do: compare, show themselves without secrets, become a hash, be matched by patterns.
  class Model
    # Attributes whose values are not shown.
    SECRETS = %i[env envs env_vars token].freeze
    private_constant :SECRETS

    # @return [Model] The value itself, or a hash of attributes as an instance of this class.
    # @raise [Sdk::InvalidArgumentError] For anything else.
    # @api private
    def self.coerce(value)
      case value
      when self then value
      when Hash then new(**value.transform_keys(&:to_sym))
      else raise Sdk::InvalidArgumentError, "Expected a #{name} or a Hash, got #{value.class}."
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

    # @return [String] Class and attributes that are set; values of environment variables and tokens are hidden.
    def inspect
      shown = to_h.compact.map { |name, value| "#{name}=#{shown(name, value)}" }
      "#<#{[self.class.name, *shown].join(' ')}>"
    end
    alias to_s inspect

    private

    def shown(name, value)
      return value.inspect unless SECRETS.include?(name)
      return '"***"' unless value.is_a?(Hash)

      "{#{value.keys.map { |key| "#{key.inspect}=>\"***\"" }.join(', ')}}"
    end
  end
end
