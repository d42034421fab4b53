# frozen_string_literal: true

require_relative 'test_helper'
require 'fileutils'
require 'json'

# Mistakes that people make, and what they are told: the list is tests/mistakes/mistakes.json.
class MistakesTest < DaytonaTest
  ROOT = File.expand_path('../..', __dir__)
  LIST = JSON.parse(File.read("#{ROOT}/tests/mistakes/mistakes.json"))
  TEXTS = {} # rubocop:disable Style/MutableConstant

  Minitest.after_run do
    FileUtils.mkdir_p("#{ROOT}/target/mistakes")
    File.write("#{ROOT}/target/mistakes/ruby.json", JSON.pretty_generate(TEXTS))
  end

  LIST['mistakes'].each do |mistake|
    id = mistake['id'].tr('-', '_')
    next if mistake['except']&.key?('ruby')

    define_method(:"test_a_mistake_is_named_#{id}") do
      @values = { name: unique, id: sandbox.id }
      error = assert_raises(Daytona::Sdk::Error) { Dir.mktmpdir { |dir| Dir.chdir(dir) { send(id) } } }
      TEXTS[mistake['id']] = "#{error.kind}: #{error.message}"
      assert_kind_of Daytona::Sdk.const_get("#{mistake['kind']}Error"), error
      mistake['says'].each do |words|
        assert_includes error.message, words.gsub('{name}', @values[:name]).gsub('{id}', @values[:id])
      end
      [*mistake['saysNot'], *LIST['never']].each { |words| refute_includes error.message, words }
    end
  end

  private

  def no_credentials
    names = %w[DAYTONA_API_KEY DAYTONA_JWT_TOKEN DAYTONA_API_URL]
    before = names.to_h { |name| [name, ENV.fetch(name, nil)] }
    names.each { |name| ENV.delete(name) }
    Daytona::Daytona.new
  ensure
    ENV.update(before)
  end

  def url_without_scheme
    Daytona::Daytona.new(api_key: 'key', api_url: 'localhost:3000')
  end

  def nobody_listens
    Daytona::Daytona.new(api_key: 'key', api_url: 'http://127.0.0.1:9').get('anything')
  end

  def wrong_key
    url = "#{sandbox.toolbox_proxy_url.split('/toolbox').first}/api"
    Daytona::Daytona.new(api_key: 'wrong-key', api_url: url).get('anything')
  end

  def unknown_sandbox
    daytona.get('no-such-sandbox')
  end

  def empty_id
    daytona.get('')
  end

  def name_taken
    daytona.create(name: @values[:name]) { daytona.create(name: @values[:name]) }
  end

  def deleted_sandbox
    daytona.create do |created|
      @values[:id] = created.id
      daytona.get(created.id).delete(wait: true)
      created.process.exec('true')
    end
  end

  def stopped_sandbox
    daytona.create do |created|
      @values[:id] = created.id
      created.stop
      created.process.exec('true')
    end
  end

  def command_is_a_number
    sandbox.process.exec(5)
  end

  def empty_command
    sandbox.process.exec('')
  end

  def negative_timeout
    sandbox.process.exec('true', timeout: -1)
  end

  def command_too_long
    sandbox.process.exec('sleep 60', timeout: 1)
  end

  def unknown_option
    daytona.create(nmae: 'x')
  end

  def params_as_text
    daytona.create('python')
  end

  def missing_remote_file
    sandbox.fs.download_file('/nowhere/file.txt')
  end

  def missing_local_file
    sandbox.fs.upload_file(Pathname('/nowhere/local.txt'), 'x')
  end

  def unknown_session
    sandbox.process.execute_session_command('no-such-session', 'true')
  end

  def session_taken
    2.times { sandbox.process.create_session(@values[:name]) }
  end

  def unknown_command
    sandbox.process.create_session(@values[:name])
    sandbox.process.get_session_command_logs(@values[:name], 'no-such-command')
  end

  def bad_regular_expression
    sandbox.process.create_session(@values[:name])
    command = sandbox.process.execute_session_command(@values[:name], 'true')
    sandbox.process.wait_for_log(@values[:name], command.cmd_id, '(', regex: true)
  end

  def unknown_signal
    sandbox.process.spawn('sleep 1000') { |process| process.send_signal('SIGNOPE') }
  end

  def bad_variable
    sandbox.process.spawn('true', env: { 'A=B' => 'x' })
  end

  def no_repository
    sandbox.fs.create_folder("/tmp/#{@values[:name]}", '755')
    sandbox.git.status("/tmp/#{@values[:name]}")
  end

  def no_terminal_size
    sandbox.process.create_pty_session(@values[:name], rows: 0, cols: 80)
  end

  def closed_client
    client = Daytona::Daytona.new
    client.close
    client.get('anything')
  end
end
