# frozen_string_literal: true

require 'json'
require 'pathname'
require 'socket'
require 'stringio'

require_relative 'references'

# The operations of the schema, through the public API. Arguments come and results go with the schema's wire names.
#
# Where a method has the schema's arguments, its name follows from the schema and its table of deviations. What Ruby
# offers in another shape is in {Shapes}.
class Calls
  SCHEMA = JSON.parse(File.read(File.expand_path('../../../schema/daytona.json', __dir__)))
  OPERATIONS = SCHEMA['services'].flat_map { |service| service['ops'] }.to_h { |item| [item['id'], item] }
  STRUCTS = SCHEMA['structs'].to_h { |struct| [struct['name'], struct['fields']] }
  DEVIATIONS = SCHEMA['deviations']['ruby']

  # Wire names as keywords; those of the structs inside, too.
  def self.keywords(object, fields)
    object.to_h do |key, value|
      field = fields.find { |candidate| candidate['wire'] == key } || raise(ArgumentError, "there is no #{key}")
      [field['name'].to_sym, ruby(value, field['type'])]
    end
  end

  def self.ruby(value, type)
    case type['kind']
    when 'struct' then keywords(value, STRUCTS.fetch(type['name']))
    when 'list' then value.map { |item| ruby(item, type['of']) }
    when 'bytes' then value.content
    else value
    end
  end

  def initialize(daytona, sandbox)
    @daytona = daytona
    @sandbox = sandbox
  end

  # @return [Object] The result as JSON would have it; bytes as binary strings.
  def call(operation, args, input:, pieces:, detach:, read:)
    @input = input
    @pieces = pieces.map(&:content)
    @detach = detach
    @read = read
    described = OPERATIONS.fetch(operation)
    own = operation.tr('.', '_').to_sym
    receiver = receiver(described, args)
    given = arguments(described, args)
    wire(Shapes.method_defined?(own) ? send(own, receiver, **given) : plain(described, receiver, given))
  end

  private

  # What the operation is a method of.
  def receiver(operation, args)
    case operation['receiver']
    when 'daytona' then @daytona
    when 'snapshot' then @daytona.snapshot
    when 'volume' then @daytona.volume
    when 'secret' then @daytona.secret
    when 'sandbox' then @daytona.get(args.fetch('idOrName'))
    when 'spawned_process'
      info = self.class.keywords(args.fetch('process'), STRUCTS.fetch('ProcessInfo'))
      Daytona::SpawnedProcess.new(@sandbox.process, Daytona::ProcessInfo.new(**info))
    when 'lsp_server'
      @sandbox.create_lsp_server(**self.class.keywords(args.fetch('server'), STRUCTS.fetch('LspServerInfo')))
    else service(operation['receiver'])
    end
  end

  # What a desktop has. Every object has a method `display`.
  DESKTOP = %w[accessibility display keyboard mouse recording screenshot].freeze

  # The service of this name: the sandbox's, or its desktop's.
  def service(name)
    (DESKTOP.include?(name) ? @sandbox.computer_use : @sandbox).public_send(name)
  end

  # Parameters and options, by their names in the schema.
  def arguments(operation, args)
    params = operation['params'].reject { |param| param['name'] == operation['supplied'] }
    given = args.slice(*params.map { |param| param['wire'] })
    options = STRUCTS.fetch(operation['options'], [])
    self.class.keywords(given, params).merge(self.class.keywords(args.fetch('options', {}), options))
  end

  # A method with the schema's arguments: parameters by position, options by keyword.
  def plain(operation, receiver, given)
    entry = DEVIATIONS['operations'].fetch(operation['id'], {})
    positional = operation['params'].filter_map { |param| param['name'].to_sym if given.key?(param['name'].to_sym) }
    options = given.except(*positional)
    options.transform_keys! { |name| entry.fetch('params', {}).fetch(name.to_s, name).to_sym }
    receiver.public_send(entry.fetch('name', operation['name']), *given.values_at(*positional), **options)
  end

  # Methods that take or give something else than the operation.
  module Shapes
    def sandbox_create(daytona, params:, **options)
      daytona.create(**params, **options)
    end

    def sandbox_create_with_logs(daytona, params:, **options)
      lines = []
      sandbox = daytona.create(**params, **options, on_snapshot_create_logs: lines.method(:<<))
      { 'lines' => lines, 'sandbox' => sandbox }
    end

    def snapshot_create(snapshots, params:, **options)
      snapshots.create(params, **options)
    end

    def snapshot_create_with_logs(snapshots, params:, **options)
      build = snapshots.create_stream(params, **options)
      { 'lines' => build.to_a, 'snapshot' => build.result }
    end

    def sandbox_create_snapshot(sandbox, name:, **options)
      sandbox.create_snapshot(name, **options)
    end

    def sandbox_list(daytona, query:)
      list = daytona.list(Daytona::ListSandboxesQuery.new(**query))
      { 'items' => list.items.map(&:info), 'nextCursor' => list.next_cursor }
    end

    def sandbox_list_page(daytona, **options)
      list = daytona.list(**{ page: 1 }.merge(options))
      { 'items' => list.items.map(&:info), 'total' => list.total, 'page' => list.page,
        'totalPages' => list.total_pages }
    end

    def sandbox_update_network_settings(sandbox, settings:)
      sandbox.update_network_settings(**settings)
    end

    def process_code_run(process, code:, language:, **options)
      process.code_run(code, language: language, **options)
    end

    def process_resize_pty_session(process, session_id:, **size)
      process.resize_pty_session(session_id, Daytona::PtySize.new(**size))
    end

    def process_stream_output(process, channel: nil, **options)
      return { 'lines' => lines(process.public_send("open_#{channel}", **options)) } if @read == 'lines'

      case channel
      when 'stdout' then { 'stdout' => text(process.open_stdout(**options)), 'stderr' => '' }
      when 'stderr' then { 'stdout' => '', 'stderr' => text(process.open_stderr(**options)) }
      else process.output(channel: channel, **options)
      end
    end

    def process_write_stdin(process, data:)
      process.write(data)
      nil
    end

    def fs_upload_file(system, file:, **options)
      system.upload_file(source(file), file[:destination], **options)
    end

    def fs_upload_files(system, files:, **options)
      system.upload_files(files.map { |file| Daytona::FileUpload.new(source(file), file[:destination]) }, **options)
    end

    def fs_download_file(system, **options)
      system.download_file(**options).read
    end

    def fs_download_to_path(system, **options)
      system.download_file(**options)
    end

    # `break` leaves a transfer.
    %i[upload_dir download_dir].each do |name|
      define_method("fs_#{name}") do |system, **options|
        next system.public_send(name, **options) unless @detach

        system.public_send(name, **options) { break }
      end
    end

    def screenshot_take_compressed(screenshot, **options)
      form = options.empty? ? nil : Daytona::ScreenshotOptions.new(**options)
      screenshot.take_compressed(form)
    end

    def screenshot_take_compressed_region(screenshot, region:, **options)
      form = options.empty? ? nil : Daytona::ScreenshotOptions.new(**options)
      screenshot.take_compressed_region(region, form)
    end

    def code_interpreter_run_code(interpreter, context_id: nil, **options)
      interpreter.run_code(context: context_id, **options)
    end

    private

    def source(file)
      file[:local_path] ? Pathname(file[:local_path]) : StringIO.new(file[:content])
    end
  end
  include Shapes

  # --- Streams and results -----------------------------------------------------------------------------------------

  def log(stream)
    return stream.close if @detach

    stdout, stderr = stream.partition(&:stdout?)
    nothing_more(stream)
    { 'stdout' => stdout.map(&:output).join, 'stderr' => stderr.map(&:output).join }
  end

  def terminal(pty)
    @input.each { |text| pty.send_input(text) }
    return pty.disconnect if @detach
    return late(pty.tap(&:disconnect)) if @read == 'closed'

    text = +''
    result = pty.wait { |data| text << data }
    nothing_more(pty)
    return late(pty) if @read == 'ended'

    { 'output' => text, 'exitCode' => result.exit_code, 'error' => result.error }
  end

  def late(pty)
    pty.send_input('late')
  end

  def written(writer)
    return writer.abort if @detach

    @pieces.each { |piece| writer << piece }
    writer.close
  end

  def content(reader)
    @detach ? nil : { 'content' => reader.read, 'size' => reader.size }
  ensure
    reader.close
  end

  # What comes back on a connection to a forwarded port, whose writing side is closed after the input.
  def exchanged(forward)
    return if @detach

    output = TCPSocket.open('127.0.0.1', forward.local_port) do |connection|
      @input.each { |text| connection.write(text) }
      connection.close_write
      connection.read
    end
    { 'localPort' => forward.local_port, 'httpOnly' => forward.http_only?, 'output' => output }
  ensure
    forward.close
  end

  def lines(output)
    output.each_line(chomp: true).to_a
  ensure
    output.close
  end

  # What has ended says so again.
  def nothing_more(stream)
    raise 'there is output after the end' if @read == 'again' && stream.each.any?
  end

  def text(output)
    return output.close if @detach

    output.each_text.to_a.join
  end

  # A result with the schema's names: camelCase, but for charts. Streams are read to their end.
  def wire(value)
    case value
    when Array then value.map { |item| wire(item) }
    when Hash then value.transform_values { |item| wire(item) }
    when Struct, Daytona::ChartElement then value.to_h.to_h { |name, item| [name.to_s, wire(item)] }
    when Daytona::Model then value.to_h.to_h { |name, item| [camel(name), wire(item)] }
    when Daytona::Sandbox, Daytona::SpawnedProcess then wire(value.info)
    when Daytona::LogStream then log(value)
    when Daytona::PtyHandle then terminal(value)
    when Daytona::FileReader then content(value)
    when Daytona::FileWriter then written(value)
    when Daytona::PortForward then exchanged(value)
    else value
    end
  end

  def camel(name)
    name.to_s.gsub(/_(.)/) { Regexp.last_match(1).upcase }
  end
end
