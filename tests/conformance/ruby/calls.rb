# frozen_string_literal: true

require 'pathname'
require 'stringio'

require_relative 'references'

# The operations of the schema, through the public API. Arguments come and results go with the schema's wire names.
class Calls
  # Wire names as keywords.
  def self.keywords(object)
    object.transform_keys { |key| key.gsub(/([A-Z])/) { "_#{Regexp.last_match(1).downcase}" }.to_sym }
  end

  def initialize(daytona, sandbox)
    @daytona = daytona
    @sandbox = sandbox
  end

  # @return [Object] The result as JSON would have it; bytes as binary strings.
  def call(operation, args, input:, pieces:, detach:)
    @input = input
    @pieces = pieces.map(&:content)
    @detach = detach
    args = self.class.keywords(args)
    @options = self.class.keywords(args.delete(:options) || {})
    service, name = operation.split('.')
    wire(send("#{service}_#{name}", args))
  end

  private

  def keywords(object)
    self.class.keywords(object)
  end

  # --- Sandboxes ---------------------------------------------------------------------------------------------------

  def named(args)
    @daytona.get(args.fetch(:id_or_name))
  end

  def sandbox_create(args)
    params = keywords(args[:params])
    params[:volumes] = params[:volumes].map { |mount| Daytona::VolumeMount.new(**keywords(mount)) } if params[:volumes]
    @daytona.create(**params, **@options).info
  end

  def sandbox_get(args)
    named(args).info
  end

  def sandbox_find_one(_args)
    @daytona.find_one(**@options).info
  end

  def sandbox_list(args)
    list = @daytona.list(Daytona::ListSandboxesQuery.new(**keywords(args[:query])))
    { 'items' => list.items.map(&:info), 'nextCursor' => list.next_cursor }
  end

  def sandbox_list_page(_args)
    list = @daytona.list(**{ page: 1 }.merge(@options))
    { 'items' => list.items.map(&:info), 'total' => list.total, 'page' => list.page, 'totalPages' => list.total_pages }
  end

  def sandbox_start(args)
    named(args).start(**@options).info
  end

  def sandbox_stop(args)
    named(args).stop(**@options).info
  end

  def sandbox_delete(args)
    named(args).delete(**@options).info
  end

  def sandbox_wait_for_start(args)
    named(args).wait_for_sandbox_start(**@options).info
  end

  def sandbox_wait_for_stop(args)
    named(args).wait_for_sandbox_stop(**@options).info
  end

  def sandbox_archive(args)
    named(args).archive.info
  end

  def sandbox_recover(args)
    named(args).recover(**@options).info
  end

  def sandbox_set_labels(args)
    named(args).labels = args[:labels]
  end

  def sandbox_set_auto_stop_interval(args)
    named(args).auto_stop_interval = args[:interval]
  end

  def sandbox_set_auto_archive_interval(args)
    named(args).auto_archive_interval = args[:interval]
  end

  def sandbox_set_auto_delete_interval(args)
    named(args).auto_delete_interval = args[:interval]
  end

  def sandbox_refresh_activity(args)
    named(args).refresh_activity
  end

  def sandbox_update_network_settings(args)
    named(args).update_network_settings(**keywords(args[:settings])).info
  end

  def sandbox_get_preview_link(args)
    named(args).preview_url(args[:port])
  end

  def sandbox_create_signed_preview_url(args)
    named(args).create_signed_preview_url(**args.slice(:port, :expires_in_seconds))
  end

  def sandbox_expire_signed_preview_url(args)
    named(args).expire_signed_preview_url(args[:port], args[:token])
  end

  # --- Processes ---------------------------------------------------------------------------------------------------

  def process_exec(args)
    @sandbox.process.exec(**args, **@options)
  end

  def process_code_run(args)
    @sandbox.process.code_run(**args, **@options)
  end

  def process_execute_session_command(args)
    request = Daytona::SessionExecuteRequest.new(**keywords(args[:request]))
    @sandbox.process.execute_session_command(args[:session_id], request, **@options)
  end

  def process_stream_session_command_logs(args)
    output @sandbox.process.get_session_command_logs_stream(**args)
  end

  def process_stream_entrypoint_logs(_args)
    output @sandbox.process.get_entrypoint_logs_stream
  end

  def process_create_pty(args)
    terminal @sandbox.process.create_pty_session(id: args[:session_id], **@options)
  end

  def process_connect_pty(args)
    terminal @sandbox.process.connect_pty_session(args[:session_id])
  end

  def process_resize_pty_session(args)
    size = Daytona::PtySize.new(rows: args[:rows], cols: args[:cols])
    @sandbox.process.resize_pty_session(args[:session_id], size)
  end

  def process_spawn(args)
    @sandbox.process.spawn(**args, **@options).info
  end

  def process_list_spawned(_args)
    @sandbox.process.list_spawned.map(&:info)
  end

  def process_get_spawned(args)
    @sandbox.process.attach(args[:process_id]).info
  end

  def process_stream_output(args)
    process = spawned(args)
    case (channel = @options.delete(:channel))
    when nil then output process.output(**@options)
    when 'stdout' then { 'stdout' => text(process.open_stdout(**@options)), 'stderr' => '' }
    when 'stderr' then { 'stdout' => '', 'stderr' => text(process.open_stderr(**@options)) }
    else output process.output(channel: channel, **@options)
    end
  end

  def process_write_stdin(args)
    spawned(args).write(args[:data].content)
    nil
  end

  def process_close_stdin(args)
    spawned(args).close_stdin
  end

  def process_wait_spawned(args)
    spawned(args).wait(**@options)
  end

  def process_signal_spawned(args)
    spawned(args).send_signal(args[:signal])
  end

  def process_release_spawned(args)
    spawned(args).release
  end

  # Those whose names and arguments are the schema's.
  %i[create_session get_session list_sessions delete_session get_session_command get_session_command_logs
     send_session_command_input get_entrypoint_session get_entrypoint_logs list_pty_sessions get_pty_session_info
     kill_pty_session wait_for_port wait_for_log].each do |name|
    define_method("process_#{name}") { |args| @sandbox.process.public_send(name, **args, **@options) }
  end

  # --- Files -------------------------------------------------------------------------------------------------------

  def fs_upload_file(args)
    file = args[:file]
    source = file['localPath'] ? Pathname(file['localPath']) : StringIO.new(file['content'].content)
    @sandbox.fs.upload_file(source, file['destination'], **@options)
  end

  def fs_upload_files(args)
    files = args[:files].map do |file|
      source = file['localPath'] ? Pathname(file['localPath']) : StringIO.new(file['content'].content)
      Daytona::FileUpload.new(source, file['destination'])
    end
    @sandbox.fs.upload_files(files, **@options)
  end

  def fs_open_upload(args)
    writer = @sandbox.fs.open_upload(**args, **@options)
    return writer.abort if @detach

    @pieces.each { |piece| writer << piece }
    writer.close
  end

  def fs_download_file(args)
    @sandbox.fs.download_file(**args, **@options).read
  end

  def fs_download_to_path(args)
    @sandbox.fs.download_file(args[:remote_path], args[:local_path], **@options)
  end

  def fs_download_files(args)
    files = args[:files].map { |file| Daytona::FileDownloadRequest.new(**keywords(file)) }
    @sandbox.fs.download_files(files, **@options)
  end

  def fs_open_download(args)
    @sandbox.fs.open_download(**args, **@options) do |reader|
      { 'content' => reader.read, 'size' => reader.size } unless @detach
    end
  end

  %i[list_files get_file_info create_folder delete_file move_files find_files search_files replace_in_files
     set_file_permissions get_user_home_dir get_work_dir].each do |name|
    define_method("fs_#{name}") { |args| @sandbox.fs.public_send(name, **args, **@options) }
  end

  def fs_upload_dir(args)
    return @sandbox.fs.upload_dir(**args, **@options) { break } if @detach

    @sandbox.fs.upload_dir(**args, **@options)
  end

  def fs_download_dir(args)
    return @sandbox.fs.download_dir(**args, **@options) { break } if @detach

    @sandbox.fs.download_dir(**args, **@options)
  end

  # --- Git ---------------------------------------------------------------------------------------------------------

  %i[clone status add commit push pull branches create_branch checkout_branch delete_branch history].each do |name|
    define_method("git_#{name}") { |args| @sandbox.git.public_send(name, **args, **@options) }
  end

  # --- Code interpreter --------------------------------------------------------------------------------------------

  def code_interpreter_run_code(args)
    options = @options.dup
    options[:context] = options.delete(:context_id)
    @sandbox.code_interpreter.run_code(args[:code], **options)
  end

  def code_interpreter_create_context(_args)
    @sandbox.code_interpreter.create_context(**@options)
  end

  def code_interpreter_list_contexts(_args)
    @sandbox.code_interpreter.list_contexts
  end

  def code_interpreter_delete_context(args)
    @sandbox.code_interpreter.delete_context(args[:context_id])
  end

  # --- Streams and results -----------------------------------------------------------------------------------------

  def output(stream)
    return stream.close if @detach

    stdout, stderr = stream.partition(&:stdout?)
    { 'stdout' => stdout.map(&:output).join, 'stderr' => stderr.map(&:output).join }
  end

  def terminal(pty)
    @input.each { |text| pty.send_input(text) }
    return pty.disconnect if @detach

    text = +''
    result = pty.wait { |data| text << data }
    { 'output' => text, 'exitCode' => result.exit_code, 'error' => result.error }
  end

  # The handle of a process.
  def spawned(args)
    Daytona::SpawnedProcess.new(@sandbox.process, Daytona::ProcessInfo.new(**keywords(args[:process])))
  end

  def text(output)
    return output.close if @detach

    output.each_text.to_a.join
  end

  # A result with the schema's names: camelCase, but for charts.
  def wire(value)
    case value
    when Array then value.map { |item| wire(item) }
    when Hash then value.transform_values { |item| wire(item) }
    when Struct, Daytona::ChartElement then value.to_h.to_h { |name, item| [name.to_s, wire(item)] }
    when Daytona::Model then value.to_h.to_h { |name, item| [camel(name), wire(item)] }
    else value
    end
  end

  def camel(name)
    name.to_s.gsub(/_(.)/) { Regexp.last_match(1).upcase }
  end
end
