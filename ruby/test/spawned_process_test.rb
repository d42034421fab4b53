# frozen_string_literal: true

require_relative 'test_helper'
require 'stringio'

class SpawnedProcessTest < DaytonaTest
  def process
    sandbox.process
  end

  def test_a_process_has_two_outputs_and_an_exit_code
    started = process.spawn('echo "$WHO"; pwd; echo bad >&2; exit 3', cwd: '/tmp', env: { WHO: "it's me" })
    assert_equal [false, '/tmp'], [started.stdin?, started.cwd]
    assert_equal ["it's me\n/tmp\n", "bad\n"], [started.stdout.read, started.stderr.read]
    assert_equal [3, 3, 3], [started.wait, started.exit_code, process.attach(started.id).poll]
    refute_predicate started, :running?
    assert_match(/exit_code=3/, started.inspect)
  ensure
    started&.release
  end

  def test_output_reads_like_an_io
    process.spawn(command: "printf 'gr\\303\\274n\\r\\n\\377\\n'; echo last | tr -d '\\n'") do |started|
      assert_equal "gr\u{fc}n\r\n", started.stdout.gets
      assert_equal ["\u{fffd}\n", 'last'], started.stdout.to_a
      assert_equal [nil, '', nil], [started.stdout.gets, started.stdout.read, started.stdout.read(1)]
      assert_raises(EOFError) { started.stdout.readpartial(1) }
      assert_equal ["gr\u{fc}n", "\u{fffd}", 'last'], started.open_stdout.each_line(chomp: true).to_a
      bytes = "gr\u{fc}n\r\n\xFF\nlast".b
      assert_equal bytes, started.open_stdout.each_chunk.to_a.join
      assert_equal bytes, started.open_stdout.read.b
      assert_equal "gr\u{fc}n\r\n\u{fffd}\nlast", started.open_stdout.each_text.to_a.join
      IO.copy_stream(started.open_stdout, io = StringIO.new(''.b))
      assert_equal bytes, io.string
      assert_equal(['gr', bytes[2..]], started.open_stdout { |output| [output.read(2), output.read.b] })
    end
  end

  def test_text_is_whole_characters_however_it_comes
    process.spawn("printf 'gr\\303'; sleep 0.3; printf '\\274n'") do |started|
      pieces = started.stdout.each_text.to_a
      assert_equal "gr\u{fc}n", pieces.join
      assert(pieces.all?(&:valid_encoding?))
    end
  end

  def test_both_outputs_come_in_order
    command = 'for i in 1 2 3; do echo $i; read -r _; echo $i >&2; read -r _; done; exit 4'
    process.spawn(command, stdin: true) do |started|
      messages = started.output.map do |message|
        started.puts
        [message.channel, message.text.chomp]
      end
      assert_equal [1, 2, 3].flat_map { |i| [[:stdout, i.to_s], [:stderr, i.to_s]] }, messages
      out = +''
      err = +''
      assert_equal 4, started.forward(on_stdout: ->(text) { out << text }, on_stderr: ->(text) { err << text })
      assert_equal ["1\n2\n3\n"] * 2, [out, err]
    end
  end

  def test_input_is_answered_until_it_is_closed
    process.spawn('while read -r line; do echo "<$line>"; done; cat', stdin: true) do |started|
      started.puts 'one'
      assert_equal "<one>\n", started.stdout.gets
      started << "two\n"
      assert_equal 6, started.write("three\n")
      assert_equal %W[<two>\n <three>\n], [started.stdout.gets, started.stdout.gets]
      assert_predicate started, :running?
      started.close_stdin
      assert_equal 0, started.wait
      assert_raises(Daytona::Sdk::CommandAlreadyCompletedError) { started.write('late') }
    end
    process.spawn('true') { |started| assert_raises(Daytona::Sdk::InvalidArgumentError) { started << 'x' } }
  end

  def test_any_bytes_go_through
    content = Random.new(1).bytes(200_000)
    process.spawn('cat', stdin: true) do |started|
      IO.copy_stream(StringIO.new(content), started)
      started.close_write
      assert_equal content, started.stdout.each_chunk.to_a.join
    end
  end

  def test_a_wait_that_times_out_loses_nothing
    process.spawn('echo early; exec sleep 600') do |started|
      assert_equal 'early', started.wait_for_log('early')
      assert_raises(Daytona::Sdk::TimeoutError) { started.wait(timeout: 0.1) }
      assert_raises(Timeout::Error) { Timeout.timeout(0.1) { started.wait } }
      assert_equal "early\n", started.open_stdout(follow: false, &:read)
      assert_equal ["early\n"], started.output(follow: false).map(&:text)
      assert_predicate started, :running?
      assert_nil started.poll
      started.kill
      assert_equal [137, "early\n"], [started.wait(PATIENCE), started.stdout.read]
    end
  end

  def test_signals_reach_the_whole_tree
    process.spawn('trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.05; done') do |started|
      started.wait_for_log('ready')
      started.send_signal(:TERM)
      assert_equal 5, started.wait
      started.send_signal(15)
      assert_raises(Daytona::Sdk::InvalidArgumentError) { started.send_signal('no such') }
    end
    mark = "1#{rand(10**8)}"
    process.spawn("(sleep #{mark} & setsid sleep #{mark} & wait) & echo ready; wait") do |started|
      started.wait_for_log(/^ready$/)
      started.kill
      assert_equal 137, started.wait
      # A killed process is there until it has had its turn.
      eventually('the tree is gone') { process.exec("pgrep -cfx 'sleep #{mark}'").result == "0\n" }
    end
  end

  def test_a_process_is_found_again_from_anywhere
    started = process.spawn('echo hello; cat', stdin: true)
    assert_includes process.list_spawned.map(&:id), started.id
    again = Daytona::Daytona.new.get(sandbox.id).process.attach(started.id)
    assert_equal [started.command, nil, true], [again.command, again.exit_code, again.stdin?]
    again.puts 'from elsewhere'
    again.close_stdin
    assert_equal "hello\nfrom elsewhere\n", again.stdout.read
    again.release
    again.release
    error = assert_raises(Daytona::Sdk::ProcessNotFoundError) { process.get_spawned(process_id: started.id) }
    assert_includes error.message, started.id
    assert_raises(Daytona::Sdk::NotFoundError) { started.wait }
  end

  def test_a_block_releases_whatever_happens
    id = nil
    assert_raises(IOError) do
      process.spawn('sleep 600') do |started|
        id = started.id
        raise IOError, 'enough'
      end
    end
    refute_includes process.list_spawned.map(&:id), id
  end

  def test_waits_end_when_the_port_listens_and_when_the_line_is_there
    process.spawn('sleep 0.2; python3 -um http.server --bind 127.0.0.1 8321') do |server|
      assert_nil process.wait_for_port(8321, timeout: PATIENCE)
      assert_match(/8321/, server.wait_for_log(/PORT \d+ \(/i, timeout: PATIENCE))
      assert_raises(Daytona::Sdk::TimeoutError) { server.wait_for_log('never', channel: :stdout, timeout: 0.2) }
    end
    assert_raises(Daytona::Sdk::TimeoutError) { process.wait_for_port(port: 8321, timeout: 0.2) }
    process.spawn('echo one; echo two') do |started|
      error = assert_raises(Daytona::Sdk::CommandAlreadyCompletedError) { started.wait_for_log('three') }
      assert_includes error.message, 'two'
      assert_raises(Daytona::Sdk::InvalidArgumentError) { started.wait_for_log(/(?<=o)ne/) }
    end
  end

  def test_lines_of_a_session_command_are_waited_for
    process.create_session(session = unique)
    command = process.execute_session_command(session, { command: 'echo a; echo b.c', run_async: true }).cmd_id
    assert_equal 'b.c', process.wait_for_log(session, command, 'b.c')
    assert_equal 'b.c', process.wait_for_log(session_id: session, command_id: command, pattern: '^b', regex: true)
    process.delete_session(session)
  end

  def test_readers_hold_back_and_do_not_disturb_each_other
    process.spawn('seq 300000') do |started|
      slow = started.open_stdout
      assert_equal "1\n", slow.gets
      assert_equal 300_000, started.stdout.each_line.count
      assert_equal '300000', slow.each_line(chomp: true).max_by(&:to_i)
    end
  end

  def test_interrupting_a_reader_leaves_the_process
    process.spawn('echo one; cat; echo two', stdin: true) do |started|
      seen = []
      assert_raises(Timeout::Error) { Timeout.timeout(0.5) { started.stdout.each_line { |line| seen << line } } }
      started.close_stdin
      started.stdout.each_line { |line| seen << line }
      assert_equal %W[one\n two\n], seen
    end
  end

  def test_whoever_leaves_text_early_finds_the_rest_of_a_character
    process.spawn("printf 'a\\303'; read -r _; printf '\\244b'", stdin: true) do |started|
      assert_equal 'a', started.stdout.each_text.first
      assert_equal 1, started.stdout.pos
      started.puts
      assert_equal "\u{e4}b", started.stdout.read
    end
  end

  def test_lines_are_read_one_by_one_and_all_at_once
    process.spawn("printf 'a\\nb\\nc'") do |started|
      assert_equal "a\n", started.stdout.readline
      assert_equal %w[b c], started.stdout.readlines(chomp: true)
      assert_raises(EOFError) { started.stdout.readline }
    end
  end

  def test_a_length_that_is_none_is_refused_and_the_reader_goes_on
    process.spawn('echo all') do |started|
      assert_match(/-1/, assert_raises(ArgumentError) { started.stdout.read(-1) }.message)
      assert_raises(ArgumentError) { started.stdout.readpartial(-1) }
      assert_match(/String/, assert_raises(TypeError) { started.stdout.read('4') }.message)
      assert_equal ['', "all\n"], [started.stdout.readpartial(0), started.stdout.read]
    end
  end

  def test_input_is_printed_as_with_an_io
    process.spawn('cat', stdin: true) do |started|
      started.puts "\xFF".b, "\u{fc}", [nil, ['x']]
      started.puts
      started.print 'a', 1
      started.close_stdin
      assert_equal "\xFF\n\u{fc}\n\nx\n\na1".b, started.stdout.read.b
    end
  end

  def test_a_pattern_as_text_may_be_a_regular_expression
    process.spawn('echo a.b; echo axb') do |started|
      assert_equal 'a.b', started.wait_for_log('a.b')
      assert_equal 'axb', started.wait_for_log('a[^.]b', regex: true)
    end
  end

  # A stream whose output arrives together with an interrupt.
  Interrupted = Struct.new(:pieces) do
    def read(*)
      reader = Thread.current
      Thread.new { reader.raise(Timeout::Error) }
      Thread.pass until Thread.pending_interrupt?
      [:ok, nil, [1, pieces.first.bytesize, pieces.shift].pack('CVa*').then { |frame| [frame] }]
    end
  end

  def test_output_that_has_arrived_when_a_read_is_interrupted_is_kept
    output = Daytona::ProcessOutput.new(Interrupted.new(["one\n"]))
    assert_raises(Timeout::Error) { output.gets }
    assert_equal "one\n", output.gets
  end

  def test_a_process_is_released_in_a_signal_handler
    released = ruby(<<~RUBY, sandbox.id).read
      process = Daytona::Daytona.new.get(ARGV[0]).process.spawn('sleep 1000')
      process.stdout
      trap(:TERM) do
        process.release
        puts 'released'
        exit
      end
      ::Process.kill(:TERM, ::Process.pid)
      sleep
    RUBY
    assert_equal "released\n", released
  end

  def test_arguments_that_cannot_be_sent_are_named
    refused = lambda do |message, &call|
      assert_equal message, assert_raises(Daytona::Sdk::InvalidArgumentError, &call).message
    end
    refused.call('The argument command is not valid UTF-8.') { process.spawn("echo \xFF") }
    refused.call('The argument env["A"] is not valid UTF-8.') { process.spawn('true', env: { A: "\xFF" }) }
    refused.call('Expected a Hash of names and values, got String.') { process.spawn('true', env: 'A=b') }
    refused.call('The argument request_timeout is NaN: it must be a finite number.') do
      process.spawn('true', request_timeout: Float::NAN)
    end
    refused.call('The argument process_id is of class Thread, which cannot be sent: use text, a number, an array ' \
                 'or a hash.') { process.attach(Thread.current) }
    assert_equal(0, process.spawn('true'.encode('UTF-16LE'), request_timeout: 60r, &:wait))
  end
end
