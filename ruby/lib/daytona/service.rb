# frozen_string_literal: true

module Daytona
  # Lets required arguments be given by position or by keyword:
  #
  #   both_forms def exec(command, cwd: nil)
  #
  # can be called as `exec('ls')` and as `exec(command: 'ls')`.
  # @api private
  module BothForms
    # @param name [Symbol] A method of this class.
    def both_forms(name)
      names = instance_method(name).parameters.filter_map { |kind, parameter| parameter if %i[req opt].include?(kind) }
      either_form.define_method(name) do |*args, **options, &block|
        if options.empty?
          super(*args, &block)
        else
          names.drop(args.size).each do |parameter|
            break unless options.key?(parameter)

            args << options.delete(parameter)
          end
          super(*args, **options, &block)
        end
      end
      name
    end

    # Gives a method that has both forms another name.
    # @param name [Symbol]
    # @param original [Symbol]
    def alias_both_forms(name, original)
      alias_method(name, original)
      both_forms(name)
    end

    private

    # The module that stands before the class' own methods.
    def either_form
      @either_form ||= Module.new.tap { |forms| prepend(forms) }
    end
  end

  # What services share: the way to the native client.
  class Service
    extend BothForms

    # @param connection [Connection]
    # @api private
    def initialize(connection)
      @connection = connection
    end

    # @return [String]
    def inspect
      "#<#{self.class.name}>"
    end

    private

    def invoke(operation, args, blobs = [], request_timeout: nil)
      @connection.invoke(operation, args, blobs, target: address, request_timeout: request_timeout)
    end

    def open_stream(operation, args, blobs = [], request_timeout: nil)
      @connection.open_stream(operation, args, blobs, target: address, request_timeout: request_timeout)
    end

    def address
      nil
    end
  end

  # A service inside a sandbox.
  class ToolboxService < Service
    # @param connection [Connection]
    # @param sandbox [Sandbox]
    # @api private
    def initialize(connection, sandbox)
      super(connection)
      @sandbox = sandbox
    end

    # @return [String] Id of the sandbox.
    def sandbox_id
      @sandbox.id
    end

    # @return [Sandbox]
    # @api private
    attr_reader :sandbox

    # @return [Connection]
    # @api private
    attr_reader :connection

    # @return [String]
    def inspect
      "#<#{self.class.name} sandbox_id=#{sandbox_id.inspect}>"
    end

    private

    def address
      { 'id' => @sandbox.id, 'url' => @sandbox.toolbox_proxy_url }
    end
  end
end
