# frozen_string_literal: true

require_relative 'test_helper'

class ClientTest < DaytonaTest
  def test_a_client_without_credentials_says_what_to_set
    error = with_env('DAYTONA_API_URL' => nil, 'DAYTONA_API_KEY' => nil, 'DAYTONA_JWT_TOKEN' => nil) do
      Dir.mktmpdir do |dir|
        Dir.chdir(dir) do
          assert_raises(Daytona::Sdk::AuthenticationError) do
            Daytona::Daytona.new
          end
        end
      end
    end
    assert_match(/DAYTONA_API_KEY/, error.message)
  end

  def test_options_may_be_given_without_a_config
    assert_equal 'https://x.example/api', Daytona::Daytona.new(api_key: 'k', api_url: 'https://x.example/api').config.api_url
    assert_equal 'eu', Daytona::Daytona.new({ target: 'eu', api_key: 'k' }).config.target
    assert_raises(ArgumentError) { Daytona::Daytona.new(api_kee: 'k') }
  end

  def test_a_bad_url_is_named
    error = assert_raises(Daytona::Sdk::InvalidArgumentError) do
      Daytona::Daytona.new(Daytona::Config.new(api_url: 'app.example.com', api_key: 'k'))
    end
    assert_match(/app\.example\.com/, error.message)
    assert_kind_of Daytona::Sdk::BadRequestError, error
  end

  def test_the_local_engine_has_its_own_constructor
    assert_equal 'local', Daytona.local.config.api_url
    assert_equal 'local', Daytona::Daytona.local.config.api_url
  end

  # A limit of memory stays, so this is a program of its own.
  WITHOUT_THREADS = <<~'RUBY'
    require 'daytona'
    client = Daytona::Daytona.new(api_key: 'k', api_url: 'http://127.0.0.1:9')
    soft, hard = Process.getrlimit(:AS)
    pages = File.read('/proc/self/statm').split.first.to_i
    # Too little for the stack of another thread, enough for everything else.
    Process.setrlimit(:AS, (pages * Etc.sysconf(Etc::SC_PAGESIZE)) + 1_000_000, hard)
    begin
      client.get('x')
    rescue Daytona::Sdk::Error => e
      told = e
    end
    Process.setrlimit(:AS, soft, hard)
    puts told.message
    begin
      client.get('x')
    rescue Daytona::Sdk::ConnectionError
      puts 'tried again'
    end
  RUBY

  def test_a_machine_that_gives_no_threads_is_an_error_like_others
    lib = File.expand_path('../lib', __dir__)
    output = IO.popen([RbConfig.ruby, '-I', lib, '-retc', '-e', WITHOUT_THREADS], err: %i[child out], &:read)
    assert_match(/the system lets this process have no more threads.*\ntried again\n\z/, output)
  end

  def test_a_block_closes_what_it_opened
    client = Daytona::Daytona.open { |daytona| daytona }
    assert_raises(Daytona::Sdk::ClosedError) { client.get('x') }
    kept = nil
    daytona.create { |created| kept = created.tap { assert_equal 'started', created.state } }
    assert_includes %w[destroying destroyed], kept.state
  end

  def test_a_closed_client_refuses_operations
    client = Daytona::Daytona.new
    client.close
    assert_raises(Daytona::Sdk::ClosedError) { client.list.first }
  end

  def test_secrets_are_not_shown
    config = Daytona::Config.new(api_key: 'sesame', jwt_token: 'sesame', api_url: 'https://x.example/api')
    client = Daytona::Daytona.new(config)
    params = Daytona::CreateSandboxBaseParams.new(env_vars: { 'PASSWORD' => 'sesame' })
    [config, client, params].each do |object|
      refute_match(/sesame/, object.inspect)
      refute_match(/sesame/, object.to_s)
      refute_match(/sesame/, object.pretty_inspect)
    end
    assert_match(/PASSWORD/, params.inspect)
    error = assert_raises(NoMethodError) { client.no_such_method }
    refute_match(/sesame/, error.message)
  end

  def test_telemetry_is_switched_on_by_any_of_its_names
    [{ otel_enabled: true }, { _experimental: { 'otel_enabled' => true } }, { _experimental: { otelEnabled: true } },
     {}].each do |options|
      config = Daytona::Config.new(api_key: 'k', **options)
      outcome, client = Daytona::Native::Client.open(Daytona::Wire.dump(config.to_wire([])))
      assert_equal [:ok, !options.empty?], [outcome, client.traced?]
    end
  end

  private

  def with_env(values)
    before = values.to_h { |name, _| [name, ENV.fetch(name, nil)] }
    ENV.update(values)
    yield
  ensure
    ENV.update(before)
  end
end
