# frozen_string_literal: true

# `${name}` references in steps, and bytes written as text.
module References
  # Bytes of a case: never mistaken for text.
  Bytes = Struct.new(:content)

  module_function

  # @return [Object] The value with every reference replaced and `{"$text"}`, `{"$base64"}` as {Bytes}.
  def replace(value, known)
    case value
    when String then text(value, known)
    when Array then value.map { |item| replace(item, known) }
    when Hash
      replaced = value.to_h { |key, item| [text(key, known).to_s, replace(item, known)] }
      bytes(replaced) || replaced
    else value
    end
  end

  # @return [Object] What is at a path like `items.0.id`; the empty path is the whole.
  def at(value, path)
    path.split('.').reduce(value) { |inner, key| inner.is_a?(Array) ? inner.fetch(key.to_i) : inner.fetch(key) }
  end

  def text(value, known)
    whole = value[/\A\$\{([^}]*)\}\z/, 1]
    return known.fetch(whole) if whole

    value.gsub(/\$\{([^}]*)\}/) { known.fetch(Regexp.last_match(1)).to_s }
  end

  def bytes(object)
    return unless object.size == 1

    case object.first
    in ['$text', content] then Bytes.new(content.b)
    in ['$base64', content] then Bytes.new(content.unpack1('m'))
    else nil
    end
  end
  private_class_method :text, :bytes
end
