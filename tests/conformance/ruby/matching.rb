# frozen_string_literal: true

require_relative 'references'

# Whether a result is what a case expects.
module Matching
  TYPES = {
    'string' => [String], 'number' => [Numeric], 'boolean' => [TrueClass, FalseClass],
    'list' => [Array], 'object' => [Hash], 'null' => [NilClass]
  }.freeze

  module_function

  # @return [String, nil] Where and how they differ.
  def difference(expected, actual, place)
    case expected
    when References::Bytes then unequal(expected.content == actual&.b, expected.content, actual, place)
    when Hash
      name, wanted = expected.first
      return matcher(name, wanted, actual, place) if expected.size == 1 && name.start_with?('$')

      object(expected, actual, place)
    when Array then list(expected, actual, place)
    else unequal(expected == actual, expected, actual, place)
    end
  end

  def object(expected, actual, place)
    return unequal(false, expected, actual, place) unless actual.is_a?(Hash)

    expected.each do |key, value|
      found = difference(value, actual[key], "#{place}.#{key}")
      return found if found
    end
    nil
  end

  def list(expected, actual, place)
    return unequal(false, expected, actual, place) unless actual.is_a?(Array) && actual.size == expected.size

    expected.each_with_index do |value, index|
      found = difference(value, actual[index], "#{place}.#{index}")
      return found if found
    end
    nil
  end

  def matcher(name, wanted, actual, place)
    met =
      case name
      when '$absent' then actual.nil?
      when '$type' then TYPES.fetch(wanted).any? { |type| actual.is_a?(type) }
      when '$contains' then actual.is_a?(String) && actual.include?(wanted)
      when '$regex' then actual.is_a?(String) && Regexp.new(wanted).match?(actual)
      when '$length' then actual.is_a?(Array) && actual.size == wanted
      when '$some' then actual.is_a?(Array) && actual.any? { |item| difference(wanted, item, place).nil? }
      else raise ArgumentError, "there is no matcher #{name}"
      end
    unequal(met, { name => wanted }, actual, place)
  end

  def unequal(met, expected, actual, place)
    "#{place} is #{actual.inspect[0, 400]}, expected #{expected.inspect[0, 400]}" unless met
  end
  private_class_method :object, :list, :matcher, :unequal
end
