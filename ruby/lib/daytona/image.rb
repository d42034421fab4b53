# frozen_string_literal: true

module Daytona
  # What is idiom in images; the steps are generated.
  class Image
    # @return [String] The Dockerfile.
    attr_reader :dockerfile

    # @return [Array<Context>] The local files that the Dockerfile copies.
    attr_reader :context_list

    # Parameters whose image may be an {Image}, as the core has them.
    # @api private
    def self.unfold(params)
      # The core names parameters of another kind.
      return params unless params.respond_to?(:image)

      image = params.image
      return params if image.nil? || image.is_a?(String)

      unless image.is_a?(Image)
        raise Sdk::InvalidArgumentError, "The image of class #{image.class} is not usable: it must be an Image, or " \
                                         "a reference like 'python:3.12-slim'."
      end

      params = params.dup
      params.image = nil
      params.dockerfile = image.dockerfile
      params.contexts = image.context_list
      params
    end

    # Makes an image of the text of a Dockerfile and the local files it copies. {Image.base} and its like are shorter.
    #
    # @param dockerfile [String, nil]
    # @param context_list [Array<Context>]
    def initialize(dockerfile: nil, context_list: [])
      @dockerfile = dockerfile || ''
      @context_list = context_list
    end

    # @return [Boolean] Whether the Dockerfile and the local files are the same.
    def ==(other)
      other.is_a?(Image) && other.dockerfile == dockerfile && other.context_list == context_list
    end

    # @return [String] Its first line, and how much there is.
    def inspect
      lines = dockerfile.lines(chomp: true)
      "#<#{self.class.name} #{lines.first.inspect} lines=#{lines.size} contexts=#{context_list.size}>"
    end

    private

    def step(name, *args, **options)
      contexts = context_list.map { |context| Context.coerce(context).to_wire([]) }
      request = { image: { dockerfile: dockerfile, contexts: contexts }, step: name, args: [*args, options] }
      json, = Native.unwrap(Native.image_step(Wire.dump(request)))
      taken = JSON.parse(json)
      @dockerfile = taken['dockerfile']
      @context_list = taken['contexts'].map { |context| Context.from_wire(context, []) }
      self
    end
  end
end
