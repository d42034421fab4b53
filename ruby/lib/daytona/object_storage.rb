# frozen_string_literal: true

module Daytona
  # Uploads files and directories as contexts of builds, for programs that do not leave that to {Daytona#create}. The
  # credentials are those of {SnapshotService#push_access}.
  class ObjectStorage
    # Bucket of the contexts of builds.
    DEFAULT_BUCKET_NAME = 'daytona-volume-builds'
    # Region that requests are signed for.
    DEFAULT_REGION = 'us-east-1'
    # A client has a key, which the storage is not sent.
    NO_KEY = 'object-storage'
    private_constant :NO_KEY

    # @return [String] Bucket.
    attr_reader :bucket_name

    # @param endpoint_url [String] URL of the storage, which speaks S3's protocol.
    # @param aws_access_key_id [String] Access key.
    # @param aws_secret_access_key [String] Secret that belongs to the access key.
    # @param aws_session_token [String] Token that says for how long, and for which objects, the access key is valid.
    # @param bucket_name [String] Bucket.
    # @param region [String] Region that requests are signed for. A host of Amazon's whose name has another than the
    #   default is signed for that one.
    def initialize(endpoint_url:, aws_access_key_id:, aws_secret_access_key:, aws_session_token:,
                   bucket_name: DEFAULT_BUCKET_NAME, region: DEFAULT_REGION)
      @bucket_name = bucket_name
      @endpoint_url = endpoint_url
      @access = { storage_url: endpoint_url, access_key: aws_access_key_id, secret: aws_secret_access_key,
                  session_token: aws_session_token, bucket: bucket_name,
                  region: (region unless region == DEFAULT_REGION) }
      @daytona = Daytona.new(api_key: NO_KEY)
    end

    # Uploads a file or directory, unless it is there already.
    #
    # @param path [String] Local file or directory.
    # @param organization_id [String] Organization whose credentials they are.
    # @param archive_base_path [String, nil] Path by which a Dockerfile names it. Default: `path` without what leads to
    #   the root of the file system.
    # @return [String] The hash of the context: 32 hexadecimal digits.
    # @raise [Sdk::InvalidArgumentError] When a file cannot be read.
    # @raise [Sdk::AuthorizationError] When the storage refuses the credentials.
    def upload(path, organization_id, archive_base_path = nil)
      access = PushAccessCredentials.new(**@access, organization_id: organization_id)
      @daytona.snapshot.upload_context(access, path.to_s, archive_base_path: archive_base_path)
    end

    # @return [String]
    def inspect
      "#<#{self.class.name} endpoint_url=#{@endpoint_url.inspect} bucket_name=#{@bucket_name.inspect}>"
    end
    alias to_s inspect
  end
end
