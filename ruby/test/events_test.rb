# frozen_string_literal: true

require_relative 'test_helper'
require 'daytona/testing/minitest'

# Changes of sandboxes as they happen.
class EventsTest < DaytonaTest
  include Daytona::Testing::Minitest

  def test_changes_are_told_from_a_position_on
    client = Daytona::Daytona.new
    position = client.begin_events
    sandbox = client.create
    sandbox.stop
    told = []
    until told.include?('stopped')
      found = client.poll_events(position: position, sandbox_id: sandbox.id)
      told += found.events.map(&:state)
      position = found.position
    end
    assert_equal(%w[started stopping stopped], told & %w[started stopping stopped])
  end

  def test_changes_are_iterated_over
    client = Daytona::Daytona.new
    sandbox = client.create
    seen = false
    # Again and again: the iteration begins when it begins.
    acting = Thread.new do
      until seen
        sandbox.stop
        sandbox.start
      end
    end
    client.events(sandbox_id: sandbox.id) do |event|
      assert_equal sandbox.id, event.sandbox_id
      break if event.state == 'stopped'
    end
    sandbox.on('stopped') do |event|
      assert_equal [sandbox.id, 'stopped', 'request'], [event.sandbox_id, event.state, event.cause]
      break
    end
    seen = true
    acting.join
    assert_kind_of Enumerator, client.events
  end
end
