# frozen_string_literal: true

# A code assistant: completions, symbols, types and problems, from the language server of a project.
#
#   DAYTONA_API_URL=local ruby language_servers.rb

require 'daytona'

BASKET = <<~PYTHON
  class Basket:
      # What a customer wants to buy.

      def __init__(self) -> None:
          self.prices: list[float] = []

      def add(self, price: float) -> None:
          self.prices.append(price)
PYTHON

MAIN = <<~PYTHON
  from basket import Basket

  basket = Basket()
  basket.add("3" )
PYTHON

def assistant(sandbox)
  # region: assistant
  server = sandbox.create_lsp_server(language_id: Daytona::LspServer::Language::PYTHON, path_to_project: 'shop')
  server.start

  server.document_symbols('basket.py').each do |symbol|
    puts "#{symbol.name} has #{symbol.children&.map(&:name)&.join(', ')}"
  end

  # Lines and characters count from 0: this is behind `basket.add`.
  completions = server.completions(path: 'main.py', position: { line: 3, character: 10 })
  puts "completes to #{completions.items.map(&:label).first(2).join(', ')}"

  server.sandbox_symbols('Basket').each { |symbol| puts "#{symbol.name} is in #{symbol.location.uri}" }
  # endregion
end

def understand(sandbox)
  # region: understand
  server = sandbox.create_lsp_server(language_id: :python, path_to_project: 'shop')
  server.start
  add = Daytona::LspServer::Position.new(line: 3, character: 8)

  puts server.hover('main.py', add).contents
  server.definition('main.py', add).each do |place|
    puts "defined in #{place.uri} line #{place.range.start.line + 1}"
  end
  server.references('main.py', add).each do |place|
    puts "used in #{place.uri} line #{place.range.start.line + 1}"
  end
  server.diagnostics('main.py').each do |problem|
    puts "problem in line #{problem.range.start.line + 1} #{problem.message}"
  end
  # endregion
end

def change(sandbox)
  # region: change
  server = sandbox.create_lsp_server(language_id: :python, path_to_project: 'shop')
  server.start

  server.rename('basket.py', { line: 0, character: 6 }, 'Cart').each do |file|
    puts "#{file.edits.size} changes in #{file.uri}"
  end
  server.formatting('main.py').each do |edit|
    puts "line #{edit.range.start.line + 1} becomes #{edit.new_text.inspect}"
  end

  server.stop
  # endregion
end

Daytona::Daytona.open do |daytona|
  daytona.create(labels: { 'purpose' => 'example' }) do |sandbox|
    sandbox.fs.upload_file(BASKET, 'shop/basket.py')
    sandbox.fs.upload_file(MAIN, 'shop/main.py')
    %i[assistant understand change].each do |part|
      puts "-- #{part}"
      send(part, sandbox)
    end
  end
end
