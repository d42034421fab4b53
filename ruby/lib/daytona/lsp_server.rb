# frozen_string_literal: true

module Daytona
  # A language server: completions, symbols, definitions and more, for a language and a project. Each such pair has a
  # server of its own, which runs from {#start} until {#stop} or the end of the sandbox.
  #
  #   server = sandbox.create_lsp_server(language_id: :python, path_to_project: 'shop')
  #   server.start
  #   server.document_symbols('basket.py').map(&:name)
  class LspServer
    # Languages: `Language::PYTHON`.
    Language = LspLanguageId
    # A position in a document.
    Position = LspCompletionPosition

    # @return [LspServerInfo] Language and project.
    attr_reader :info

    # @param connection [Connection]
    # @param sandbox [Sandbox]
    # @param info [LspServerInfo]
    # @api private
    def initialize(connection, sandbox, info)
      super(connection, sandbox)
      @info = info
    end

    # @return [String] Id of the sandbox.
    def sandbox_id
      sandbox.id
    end

    # @return [String]
    def inspect
      "#<#{self.class.name} language_id=#{language_id.inspect} path_to_project=#{path_to_project.inspect}>"
    end
    alias to_s inspect
  end
end
