# frozen_string_literal: true

require_relative 'test_helper'
require 'logger'
require 'stringio'

class LoggingTest < DaytonaTest
  def teardown
    Daytona::Sdk.logger = nil
  end

  def test_requests_and_operations_are_logged_without_secrets
    log = logging(:debug) do
      sandbox.process.exec('true', env: { 'KEY' => 'sesame' })
      assert_raises(Daytona::Sdk::NotFoundError) { daytona.get('nobody') }
    end
    assert_match(%r{DEBUG -- daytona: .*GET .*/sandbox/nobody.*404}, log)
    assert_match(/INFO -- daytona: .*process\.exec/, log)
    refute_includes log, 'sesame'
  end

  def test_only_what_the_logger_wants_is_logged
    assert_empty(logging(:warn) { sandbox.process.exec('true') })
    log = logging(:warn) do
      client = Daytona::Daytona.new(api_key: 'key', api_url: 'http://127.0.0.1:9')
      assert_raises(Daytona::Sdk::ConnectionError) { client.get('x') }
    end
    assert_match(/WARN -- daytona: /, log)
    refute_match(/INFO|DEBUG/, log)
  end

  def test_there_is_a_logger_to_begin_with
    assert_equal Logger::WARN, Daytona::Sdk.logger.level
  end

  private

  def logging(level)
    text = StringIO.new
    Daytona::Sdk.logger = Logger.new(text, level: level)
    yield
    text.string
  end
end
