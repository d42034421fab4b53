# frozen_string_literal: true

module Daytona
  # Bytes of a download so far, and how many there will be (nil when the server did not say).
  DownloadProgress = Struct.new(:bytes_received, :total_bytes)

  # Bytes of an upload so far.
  UploadProgress = Struct.new(:bytes_sent)

  class FileDownloadResponse # rubocop:disable Style/Documentation
    # @return [String, nil] The local path written to, or else the content.
    def result
      local_path || content
    end
  end

  # Transfers with IOs, blocks and progress, beside the methods of `sandbox.fs`.
  class FileSystem
    # Seconds a transfer may take.
    DEFAULT_TIMEOUT = 30 * 60

    # Uploads piece by piece, with progress. An interrupt (`Timeout.timeout`, Ctrl-C) aborts it: nothing is stored.
    #
    # @param source [#read, #each, String, Pathname] An IO, pieces (an Enumerator or Array), the path of a local file,
    #   or the content.
    # @param remote_path [String] Path in the sandbox.
    # @param timeout [Numeric] Seconds the transfer may take; 0 = no limit.
    # @param on_progress [#call, nil] Called with an {UploadProgress} after each piece.
    # @param cancel_event [#set?, nil] Asked before each piece: true aborts the upload.
    # @return [void]
    # @raise [Sdk::CancelledError] When `cancel_event` was set.
    both_forms def upload_file_stream(
      source, remote_path, timeout: DEFAULT_TIMEOUT, on_progress: nil, cancel_event: nil
    )
      upload_pieces(FileUpload.new(source, remote_path), timeout, nil) do |writer, piece|
        check(cancel_event, 'upload to', remote_path)
        writer.write(piece)
        on_progress&.call(UploadProgress.new(writer.pos))
      end
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

    # Downloads a file piece by piece.
    #
    # @param remote_path [String] Path in the sandbox.
    # @param timeout [Numeric] Seconds the transfer may take; 0 = no limit.
    # @param on_progress [#call, nil] Called with a {DownloadProgress} after each piece.
    # @param cancel_event [#set?, nil] Asked before each piece: true aborts the download.
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

    private

    # Uploads piece by piece; a block writes the pieces itself.
    def upload_pieces(upload, timeout, request_timeout)
      open_upload(upload.destination, timeout: timeout, request_timeout: request_timeout) do |writer|
        upload.each_piece { |piece| block_given? ? yield(writer, piece) : writer.write(piece) }
      end
      nil
    end

    def check(cancel_event, transfer, remote_path)
      raise Sdk::CancelledError, "The #{transfer} #{remote_path.inspect} was cancelled." if cancel_event&.set?
    end
  end
end
