# frozen_string_literal: true

require_relative 'test_helper'

class PtyTest < DaytonaTest
  def process
    sandbox.process
  end

  def test_a_terminal_runs_to_its_exit_code
    pty = process.create_pty_session(id: unique, cwd: '/tmp', envs: { 'A' => 'x' },
                                     pty_size: Daytona::PtySize.new(rows: 30, cols: 100))
    assert_predicate pty.wait_for_connection, :connected?
    pty.send_input("stty size; pwd; echo \"[$A]\"; exit 7\n")
    text = +''
    result = pty.wait(timeout: PATIENCE) { |data| text << data }
    assert_equal 7, result.exit_code
    assert_equal [7, false], [pty.exit_code, pty.connected?]
    assert_match(/30 100\r\n/, text)
    assert_match(%r{/tmp\r\n\[x\]}, text)
  ensure
    pty&.disconnect
  end

  def test_a_block_kills_the_session
    id = unique
    size = process.create_pty_session(id) do |pty|
      pty.resize(Daytona::PtySize.new(rows: 20, cols: 90))
      pty.resize(91, 21)
      pty.resize(rows: 22, cols: 92)
      info = process.get_pty_session_info(id)
      [info.rows, info.cols]
    end
    assert_equal [22, 92], size
    refute_includes process.list_pty_sessions.map(&:id), id
  end

  def test_a_session_survives_its_connection
    id = unique
    pty = process.create_pty_session(id)
    pty.disconnect
    assert_predicate pty, :closed?
    process.connect_pty_session(id) do |again|
      again << "echo $((40 + 2))\n"
      assert(again.any? { |text| text.include?('42') })
      assert_predicate again, :connected?
    end
    process.delete_pty_session(id)
    assert_raises(Daytona::Sdk::NotFoundError) { process.get_pty_session_info(id) }
  end

  def test_a_wait_that_takes_too_long_leaves_the_terminal_connected
    process.create_pty_session(unique) do |pty|
      assert_raises(Daytona::Sdk::TimeoutError) { pty.wait(timeout: 0.1) }
      pty.send_input("exit 0\n")
      assert_equal 0, pty.wait(timeout: PATIENCE).exit_code
    end
  end

  def test_bytes_are_available_unmodified
    process.create_pty_session(unique) do |pty|
      pty.send_input("printf '<\\377>'; exit\n")
      bytes = ''.b
      loop { bytes << pty.readpartial }
    rescue EOFError
      assert_includes bytes, "<\xFF>".b
    end
  end

  def test_killing_does_not_wait_for_a_reader
    pty = process.create_pty_session(unique)
    reader = Thread.new { pty.wait }
    pty.kill
    assert_same reader, reader.join(PATIENCE)
  end

  def test_an_id_is_taken_once
    process.create_pty_session(id = unique) do
      assert_raises(Daytona::Sdk::ConflictError) { process.create_pty_session(id) }
    end
    assert_raises(Daytona::Sdk::InvalidArgumentError) { process.create_pty_session(unique, rows: 0, cols: 5) }
  end
end
