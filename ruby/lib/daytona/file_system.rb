# frozen_string_literal: true

module Daytona
  # Bytes of a download so far, and how many there will be (nil when the server did not tell).
  DownloadProgress = Struct.new(:bytes_received, :total_bytes)

  # Bytes of an upload so far.
  UploadProgress = Struct.new(:bytes_sent)

  class FileDownloadResponse # rubocop:disable Style/Documentation
    # @return [String, nil] The local path written to, or else the content.
    def result
      local_path || content
    end
  end

  # Files of a sandbox: `sandbox.fs`. Required arguments may be given by position or by keyword.
  class FileSystem < Generated::FileSystem
    # Seconds a transfer may take.
    DEFAULT_TIMEOUT = 30 * 60

    both_forms def get_file_info(path, request_timeout: nil)
      super
    end
    alias_both_forms :get_file_details, :get_file_info

    # Uploads a file; directories above it are created. Local files, IOs and pieces are streamed.
    #
    # @param source [String, Pathname, #read, #each] The path of a local file, the content itself, an IO, or pieces (an
    #   Enumerator or Array). A String is a path when there is a file with this name, else the content.
    # @param remote_path [String] Path in the sandbox; relative paths start at the working directory.
    # @param timeout [Numeric, nil] Seconds the transfer may take; 0 = no limit. Default: 1800.
    # @param request_timeout [Numeric, nil] Seconds the whole call may take; 0 = no limit.
    # @return [void]
    # @raise [Sdk::Error] When it cannot be stored.
    both_forms def upload_file(source, remote_path, timeout: nil, request_timeout: nil)
      upload = FileUpload.new(source, remote_path)
      if upload.streamed?
        open_upload(remote_path, timeout: timeout, request_timeout: request_timeout) do |writer|
          upload.each_piece { |piece| writer.write(piece) }
        end
      else
        super(upload.to_request, timeout: timeout, request_timeout: request_timeout)
      end
      nil
    end

    # Uploads several files in one request. IOs and pieces are read into memory first.
    #
    # @param files [Array<FileUpload, FileUploadRequest, Hash>]
    # @param timeout [Numeric, nil] Seconds the transfer may take; 0 = no limit. Default: 1800.
    # @param request_timeout [Numeric, nil] Seconds the whole call may take; 0 = no limit.
    # @return [void]
    # @raise [Sdk::Error] When one cannot be stored.
    both_forms def upload_files(files, timeout: nil, request_timeout: nil)
      requests = files.map { |file| upload_request(file) }
      super(requests, timeout: timeout, request_timeout: request_timeout)
    end

    # Uploads piece by piece, with progress. Interrupting it (`Timeout.timeout`, Ctrl-C) gives it up: nothing is
    # stored.
    #
    # @param source [#read, #each, String, Pathname] An IO, pieces (an Enumerator or Array), the path of a local file,
    #   or the content.
    # @param remote_path [String] Path in the sandbox.
    # @param timeout [Numeric] Seconds the transfer may take; 0 = no limit.
    # @param on_progress [#call, nil] Called with an {UploadProgress} after each piece.
    # @param cancel_event [#set?, nil] Asked before each piece: true gives the upload up.
    # @return [void]
    # @raise [Sdk::CancelledError] When `cancel_event` was set.
    both_forms def upload_file_stream(
      source, remote_path, timeout: DEFAULT_TIMEOUT, on_progress: nil, cancel_event: nil
    )
      upload = FileUpload.new(source, remote_path)
      open_upload(remote_path, timeout: timeout) do |writer|
        upload.each_piece do |piece|
          check(cancel_event, 'upload to', remote_path)
          writer.write(piece)
          on_progress&.call(UploadProgress.new(writer.pos))
        end
      end
      nil
    end

    # Downloads a file: to a local path or IO if one is given, else into a temporary file.
    #
    # @param remote_path [String] Path in the sandbox.
    # @param local_path [String, Pathname, #write, nil] Where to write to. A path appears only when it is complete.
    # @param timeout [Numeric, nil] Seconds the transfer may take; 0 = no limit. Default: 1800.
    # @param request_timeout [Numeric, nil] Seconds the whole call may take; 0 = no limit.
    # @return [DownloadedFile, nil] The temporary file when no destination was given. {read_file} returns the bytes.
    # @raise [Sdk::NotFoundError] When there is no such file.
    both_forms def download_file(remote_path, local_path = nil, timeout: nil, request_timeout: nil)
      options = { timeout: timeout, request_timeout: request_timeout }
      return download_to_path(remote_path, local_path, **options) if FileUpload.path?(local_path)

      open_download(remote_path, **options) do |reader|
        file = local_path || DownloadedFile.new
        IO.copy_stream(reader, file)
        file.tap(&:rewind) if local_path.nil?
      end
    end

    # Downloads a file to a local path, which appears only when it is complete.
    #
    # @param remote_path [String] Path in the sandbox.
    # @param local_path [String, Pathname]
    # @param timeout [Numeric, nil] Seconds the transfer may take; 0 = no limit. Default: 1800.
    # @param request_timeout [Numeric, nil] Seconds the whole call may take; 0 = no limit.
    # @return [void]
    # @raise [Sdk::NotFoundError] When there is no such file.
    both_forms def download_to_path(remote_path, local_path, timeout: nil, request_timeout: nil)
      super(remote_path, File.expand_path(local_path), timeout: timeout, request_timeout: request_timeout)
    end

    # Downloads a file piece by piece.
    #
    # @param remote_path [String] Path in the sandbox.
    # @param timeout [Numeric] Seconds the transfer may take; 0 = no limit.
    # @param on_progress [#call, nil] Called with a {DownloadProgress} after each piece.
    # @param cancel_event [#set?, nil] Asked before each piece: true gives the download up.
    # @yieldparam bytes [String] Binary.
    # @return [Enumerator, nil] Without a block, the pieces.
    # @raise [Sdk::CancelledError] When `cancel_event` was set.
    both_forms def download_file_stream(
      remote_path, timeout: DEFAULT_TIMEOUT, on_progress: nil, cancel_event: nil
    )
      unless block_given?
        return enum_for(:download_file_stream, remote_path, timeout: timeout, on_progress: on_progress,
                                                            cancel_event: cancel_event)
      end

      open_download(remote_path, timeout: timeout) do |reader|
        reader.each do |piece|
          check(cancel_event, 'download of', remote_path)
          yield piece
          on_progress&.call(DownloadProgress.new(reader.pos, reader.size))
        end
      end
      nil
    end

    # Downloads several files in one request, each into memory or to a local path. A file that fails says so in its own
    # result.
    #
    # @param files [Array<FileDownloadRequest, Hash, String>] A String is the path of a file to download into memory.
    # @param timeout [Numeric, nil] Seconds the transfer may take; 0 = no limit. Default: 1800.
    # @param request_timeout [Numeric, nil] Seconds the whole call may take; 0 = no limit.
    # @return [Array<FileDownloadResponse>]
    both_forms def download_files(files, timeout: nil, request_timeout: nil)
      requests = files.map { |file| file.is_a?(String) ? FileDownloadRequest.new(source: file) : file }
      super(requests, timeout: timeout, request_timeout: request_timeout)
    end

    # Uploads a local directory with everything in it, as one compressed stream. A directory that exists is added to;
    # one that does not appears when it is complete. Links stay links; permissions and times are kept. Interrupting it
    # (`Timeout.timeout`, Ctrl-C) gives it up and leaves nothing unfinished. The sandbox needs `tar` and `gzip`.
    #
    #   sandbox.fs.upload_dir('src', 'app/src', exclude: ['*.o', 'build/**']) { |done| puts "#{done.files} files" }
    #
    # @param local_path [String, Pathname]
    # @param remote_path [String] Path in the sandbox.
    # @param exclude [Array<String>, String, nil] Globs of what to leave out. One without `/` is compared with every
    #   name (`node_modules`, `*.pyc`), one with `/` with the path below the directory (`build/**`). What is below a
    #   directory left out is left out too.
    # @param on_progress [#call, nil] Called with a {DirectoryProgress} some ten times a second; so is a block.
    # @param timeout [Numeric, nil] Seconds the transfer may take; 0 = no limit. Default: 1800.
    # @param request_timeout [Numeric, nil] Seconds until the transfer has begun; 0 = no limit.
    # @yieldparam progress [DirectoryProgress]
    # @return [DirectoryResult] How much it was, and what was left out although nobody excluded it.
    # @raise [Sdk::InvalidArgumentError] For a bad glob, or when something local cannot be read.
    # @raise [Sdk::UnprocessableEntityError] When the sandbox cannot store it.
    # @raise [Sdk::TimeoutError] After `timeout` seconds.
    both_forms def upload_dir(
      local_path, remote_path, exclude: nil, on_progress: nil, timeout: nil, request_timeout: nil, &block
    )
      exclude &&= Array(exclude)
      super(
        local_path.to_s, remote_path, exclude: exclude, timeout: timeout, request_timeout: request_timeout
      ) { |transfer| transfer.finish(on_progress || block) }
    end

    # Downloads a directory with everything in it, as one compressed stream, into a local one, which is created or
    # added to. Files appear when they are complete. Nothing is written outside the local directory: links that lead out
    # of it, devices and the like are skipped and reported. Interrupting it (`Timeout.timeout`, Ctrl-C) gives it up and
    # leaves no unfinished file. The sandbox needs `tar` and `gzip`.
    #
    # @param remote_path [String] Path in the sandbox.
    # @param local_path [String, Pathname]
    # @param exclude [Array<String>, String, nil] Globs of what to leave out; see {upload_dir}.
    # @param on_progress [#call, nil] Called with a {DirectoryProgress} some ten times a second; so is a block.
    # @param timeout [Numeric, nil] Seconds the transfer may take; 0 = no limit. Default: 1800.
    # @param request_timeout [Numeric, nil] Seconds until the transfer has begun; 0 = no limit.
    # @yieldparam progress [DirectoryProgress]
    # @return [DirectoryResult] How much it was, and what was left out although nobody excluded it.
    # @raise [Sdk::FileNotFoundError] When there is no such directory.
    # @raise [Sdk::InvalidArgumentError] For a bad glob, or a local directory that cannot be written.
    # @raise [Sdk::UnprocessableEntityError] When something in it cannot be read.
    # @raise [Sdk::TimeoutError] After `timeout` seconds.
    both_forms def download_dir(
      remote_path, local_path, exclude: nil, on_progress: nil, timeout: nil, request_timeout: nil, &block
    )
      exclude &&= Array(exclude)
      super(
        remote_path, local_path.to_s, exclude: exclude, timeout: timeout, request_timeout: request_timeout
      ) { |transfer| transfer.finish(on_progress || block) }
    end

    private

    def upload_request(file)
      case file
      when FileUploadRequest then file
      when FileUpload then file.to_request
      when Hash
        values = file.transform_keys(&:to_sym)
        values.key?(:source) ? FileUpload.new(*values.values_at(:source, :destination)).to_request : values
      else raise Sdk::InvalidArgumentError, "Expected a Daytona::FileUpload, got #{file.class}."
      end
    end

    def check(cancel_event, transfer, remote_path)
      raise Sdk::CancelledError, "The #{transfer} #{remote_path.inspect} was cancelled." if cancel_event&.set?
    end
  end
end
