# frozen_string_literal: true

require_relative 'test_helper'
require 'daytona/testing/minitest'
require 'rbs'

# The signatures in sig/ are valid, and say neither more nor less than the code.
class SignaturesTest < Minitest::Test
  SIG = Pathname(File.expand_path('../sig', __dir__))

  def self.environment
    @environment ||= begin
      loader = RBS::EnvironmentLoader.new
      YAML.safe_load(SIG.join('manifest.yaml').read)['dependencies'].each do |library|
        loader.add(library: library['name'], version: nil)
      end
      loader.add(path: SIG)
      RBS::Environment.from_loader(loader).resolve_type_names
    end
  end

  def environment
    self.class.environment
  end

  def builder
    @builder ||= RBS::DefinitionBuilder.new(env: environment)
  end

  # Every class and module of the signatures, with the one of the code.
  def each_class
    names = environment.class_decls.keys.select { |name| name.to_s.match?(/\A::Daytona(::|\z)/) }
    refute_empty names
    names.each { |name| yield name, Object.const_get(name.to_s) }
  end

  def test_all_types_resolve
    each_class do |name, _|
      definition = builder.build_instance(name)
      definition.methods.each_value { |method| method.defs.each { |item| validate(item.type) if ours?(item) } }
    end
  end

  def test_what_is_signed_exists
    each_class do |name, type|
      missing = own(builder.build_instance(name)) - instance_methods(type)
      assert_empty missing, "#{name} has no such methods"
      missing = own(builder.build_singleton(name)) - type.methods - %i[new]
      assert_empty missing, "#{name} has no such singleton methods"
    end
  end

  def test_what_exists_is_signed
    each_class do |name, type|
      # A temporary file delegates whatever anybody adds to File.
      next if type.equal?(Daytona) || type < Delegator

      unsigned = (type.public_instance_methods(false) - own(builder.build_instance(name))).reject do |method|
        # Overrides without a signature of their own have that of the class above.
        builder.build_instance(name).methods.key?(method)
      end
      assert_empty unsigned, "#{name}: methods without signature"
      next if type < Struct

      unsigned = type.singleton_methods(false) - builder.build_singleton(name).methods.keys
      assert_empty unsigned, "#{name}: singleton methods without signature"
    end
  end

  def test_every_constant_is_signed
    signed = environment.class_decls.keys.map(&:to_s) + environment.constant_decls.keys.map(&:to_s)
    [Daytona, Daytona::Sdk].each do |type|
      constants = type.constants(false).map { |name| "::#{type}::#{name}" }
      assert_empty constants - signed
    end
  end

  private

  def ours?(definition)
    definition.member.location&.buffer&.name.to_s.start_with?(SIG.to_s)
  end

  # Names of the methods whose signature is in sig/ and in this very class.
  def own(definition)
    own = definition.methods.select do |_, method|
      method.defs.any? { |item| ours?(item) && item.implemented_in == definition.type_name }
    end
    own.keys - %i[initialize]
  end

  def instance_methods(type)
    type.public_instance_methods + type.private_instance_methods
  end

  # Raises unless every name in the type is known.
  def validate(type)
    @validator ||= RBS::Validator.new(env: environment, resolver: RBS::TypeNameResolver.from_env(environment))
    type.each_type { |inner| @validator.validate_type(inner, context: [RBS::Namespace.root]) }
  end
end
