# frozen_string_literal: true

# Compares the installed gem with the public surface that `tests/surface/ruby.json` promises.
#
#   ruby surface.rb <surface file> <result file>
#
# A form is a call that documents show: it is met when the method takes its arguments, with and without those that are
# optional. Ruby does not tell what defaults are, so they are there to be read. Prints a line per required symbol that
# is missing or differs, writes every symbol's result, and fails when there is such a line.

require 'fileutils'
require 'json'
require 'daytona'

# What a method takes.
class Accepted
  attr_reader :positional, :required, :keywords, :required_keywords

  # @param method [UnboundMethod, Method]
  # @param attributes [Array<Symbol>] What `**attributes` of a constructor may be.
  def initialize(method, attributes: [])
    methods = chain(method)
    own = methods.find { |one| !forwards?(one) } || methods.last
    kinds = own.parameters.group_by(&:first).transform_values { |list| list.map(&:last) }
    @positional = own.parameters.filter_map { |kind, name| name if %i[req opt].include?(kind) }
    @required = kinds.fetch(:req, [])
    @rest = kinds.key?(:rest)
    @keywords = keywords_of(methods, attributes)
    # What a method hands on as `**options` cannot be seen; a constructor hands on attributes.
    @open = attributes.empty? && kinds.key?(:keyrest)
    @required_keywords = methods.flat_map { |one| one.parameters.filter_map { |kind, name| name if kind == :keyreq } }
    # A wrapper in front of the method lets positional parameters be given by keyword.
    @either = forwards?(methods.first) && !own.equal?(methods.first)
  end

  # Why a call with these arguments is not taken.
  # @param positional [Array<Symbol>]
  # @param keywords [Array<Symbol>]
  # @return [String, nil]
  def refusal(positional, keywords)
    too_many = positional.size > @positional.size && !@rest
    return "takes #{@positional.size} by position, not #{positional.size}" if too_many

    misplaced = positional.each_with_index.find { |name, i| @positional[i] != name && @positional.include?(name) }
    return "#{misplaced[0]} is not parameter #{misplaced[1] + 1}" if misplaced

    known = @keywords + (@either ? @positional.drop(positional.size) : [])
    unknown = @open ? [] : keywords - known
    return "takes no #{unknown.first}:" if unknown.any?

    left = @required.drop(positional.size) - (@either ? keywords : [])
    left += @required_keywords - keywords
    "#{left.first} is required, too" if left.any?
  end

  private

  # The method and those it calls with `super`.
  def chain(method)
    methods = [method]
    while (above = methods.last.super_method) && passes_on?(methods.last)
      methods << above
    end
    methods
  end

  def passes_on?(method)
    method.parameters.any? { |kind, _| %i[keyrest rest].include?(kind) }
  end

  # Whether the method takes anything, to hand it on.
  def forwards?(method)
    kinds = method.parameters.map(&:first)
    kinds.include?(:rest) && kinds.include?(:keyrest) && !kinds.include?(:req)
  end

  def keywords_of(methods, attributes)
    named = methods.flat_map { |one| one.parameters.filter_map { |kind, name| name if %i[key keyreq].include?(kind) } }
    open = methods.last.parameters.any? { |kind, _| kind == :keyrest }
    open ? named + attributes : named
  end
end

# The comparison.
class Surface
  def initialize(path)
    @surface = JSON.parse(File.read(path))
    @accepted = @surface['accepted'].to_h { |entry| [entry['name'], entry['reason']] }
    @symbols = {}
  end

  # @return [Boolean] Whether nothing required is missing or differs.
  def run(result_file)
    @surface['capabilities'].each do |capability, part|
      @capability = capability
      @required = part['status'] == 'required'
      part['symbols'].each { |entry| check(entry) }
    end
    write(result_file)
    report
  end

  private

  def add(name, result, detail = nil)
    if result != 'ok' && @accepted.key?(name)
      detail = "#{@accepted.delete(name)} (#{detail || result})"
      result = 'accepted'
    end
    @symbols[name] = { capability: @capability, required: @required, result: result, detail: detail }.compact
  end

  def check(entry)
    path = entry['name'].split(' [').first
    case entry['kind']
    when 'class', 'module' then check_class(entry, path)
    when 'attribute' then check_attribute(entry['name'], *path.split('#'))
    when 'method' then check_method(entry, *path.split('#'))
    when 'class method' then check_class_method(entry, *path.split('.'))
    else raise "unknown kind: #{entry}"
    end
  end

  def check_class(entry, path)
    owner = constant(path)
    add(entry['name'], *class_result(entry, owner))
    (entry['attributes'] || []).each { |name| check_attribute("#{path}##{name}", path, name) }
    (entry['members'] || {}).each do |name, value|
      found = owner&.const_defined?(name, false) ? owner.const_get(name).to_s : nil
      differs = "is #{found.inspect}, not #{value.inspect}" if found && found != value
      result = differs ? 'differs' : 'ok'
      add("#{path}::#{name}", found ? result : 'missing', differs)
    end
  end

  def class_result(entry, owner)
    return ['missing', expected(entry)] if owner.nil?

    lacking = entry.values_at('base', 'includes').compact.find { |name| !owner.ancestors.include?(constant(name)) }
    return ['differs', "is no #{lacking}"] if lacking
    return ['ok'] unless entry['forms']

    attributes = owner.public_instance_methods.select { |name| owner.public_method_defined?(:"#{name}=") }
    taken(entry, owner.instance_method(:initialize), attributes)
  end

  def check_attribute(symbol, owner, name)
    add(symbol, defined_by?(constant(owner), name) ? 'ok' : 'missing')
  end

  def check_method(entry, owner, name)
    cls = constant(owner)
    return add(entry['name'], 'missing', expected(entry)) unless defined_by?(cls, name)

    add(entry['name'], *taken(entry, cls.instance_method(name)))
  end

  def check_class_method(entry, owner, name)
    cls = constant(owner)
    return add(entry['name'], 'missing', expected(entry)) unless cls.respond_to?(name)

    add(entry['name'], *taken(entry, cls.method(name)))
  end

  # Whether a class has a method that not every object has.
  def defined_by?(cls, name)
    cls&.public_method_defined?(name) && ![Object, Kernel, BasicObject].include?(cls.instance_method(name).owner)
  end

  # Whether a method takes all forms of an entry.
  def taken(entry, method, attributes = [])
    accepted = Accepted.new(method, attributes: attributes)
    (entry['forms'] || []).each do |form|
      wanted = eval("->#{form} {}", binding, __FILE__, __LINE__).parameters # rubocop:disable Security/Eval
      [%i[req keyreq], %i[req keyreq opt key]].each do |kinds|
        given = wanted.select { |kind, _| kinds.include?(kind) }
        keywords, positional = given.partition { |kind, _| %i[key keyreq].include?(kind) }
        refusal = accepted.refusal(positional.map(&:last), keywords.map(&:last))
        return ['differs', "expected #{form}: #{refusal}; found #{method.parameters}"] if refusal
      end
    end
    ['ok']
  end

  def expected(entry)
    entry['forms'] && "expected #{entry['forms'].join(' | ')}"
  end

  def constant(path)
    path.split('::').inject(Object) do |scope, name|
      return nil unless scope.const_defined?(name, scope.equal?(Object))

      scope.const_get(name)
    end
  end

  def write(file)
    FileUtils.mkdir_p(File.dirname(file))
    File.write(file, "#{JSON.pretty_generate({ language: 'ruby', symbols: @symbols }, indent: ' ')}\n")
  end

  def report
    wrong = @symbols.select { |_, s| s[:required] && %w[missing differs].include?(s[:result]) }
    wrong.each { |name, s| puts [s[:result], name, s[:detail]].compact.join(': ') }
    @accepted.each_key { |name| puts "accepted without need: #{name}" }
    later = @symbols.count { |_, s| !s[:required] && s[:result] != 'ok' }
    puts "ruby: #{@symbols.size} symbols, #{wrong.size} missing or different, #{later} to come"
    wrong.empty? && @accepted.empty?
  end
end

exit 1 unless Surface.new(ARGV.fetch(0)).run(ARGV.fetch(1))
