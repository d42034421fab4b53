# frozen_string_literal: true

# The tests talk to the local engine: DAYTONA_API_URL=local, DAYTONA_LOCAL_BINARY and DAYTONA_LOCAL_STATE_DIR are set by
# `make -C ruby test`.

$LOAD_PATH.unshift(File.expand_path('../lib', __dir__))

require 'English'
require 'minitest/autorun'
require 'pp' # rubocop:disable Lint/RedundantRequireStatement
require 'securerandom'
require 'timeout'
require 'tmpdir'
require 'daytona'

# A job in the background ignores interrupts, and so would the programs that are started here to be interrupted.
trap(:INT, 'DEFAULT')

# One client and one sandbox for all tests.
module Shared
  # Far beyond what anything here takes: only so that a defect ends in a failure and not in a hang.
  PATIENCE = 120
  LOCK = Mutex.new

  class << self
    def daytona
      @daytona ||= Daytona::Daytona.new
    end

    def sandbox
      LOCK.synchronize { @sandbox ||= create_sandbox }
    end

    private

    def create_sandbox
      daytona.create(labels: { 'suite' => 'ruby' }, auto_stop_interval: 0).tap do |sandbox|
        owner = ::Process.pid
        Minitest.after_run { sandbox.delete if ::Process.pid == owner }
      end
    end
  end

  def daytona
    Shared.daytona
  end

  def sandbox
    Shared.sandbox
  end

  # A name nothing else uses.
  def unique(prefix = 'ruby')
    "#{prefix}-#{SecureRandom.hex(6)}"
  end

  # Waits until the block is true.
  def eventually(message = 'the condition holds')
    deadline = ::Process.clock_gettime(::Process::CLOCK_MONOTONIC) + PATIENCE
    until yield
      flunk "It never happened that #{message}." if ::Process.clock_gettime(::Process::CLOCK_MONOTONIC) > deadline
      sleep 0.01
    end
    pass
  end

  # Waits until a file exists in the sandbox.
  def eventually_exists(path)
    eventually("#{path} exists") { sandbox.process.exec("test -e #{path}").exit_code.zero? }
  end

  # Asserts that a command has been killed: it wrote `started` first and would have written `finished` in the end.
  def assert_killed(pid_file)
    eventually('the command has been killed') do
      sandbox.process.exec("kill -0 $(cat #{pid_file})").exit_code != 0
    end
  end

  # A program in a process of its own, with this package loaded.
  def ruby(code, *args, **options)
    IO.popen([RbConfig.ruby, '-W', "-I#{File.expand_path('../lib', __dir__)}", '-rdaytona', '-e', code, *args],
             err: %i[child out], **options)
  end
end

class DaytonaTest < Minitest::Test
  include Shared
end
