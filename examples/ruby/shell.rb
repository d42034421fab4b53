# frozen_string_literal: true

# Hands your terminal to a sandbox: what you type goes there, full-screen programs work, and the exit code is that of
# the shell in the sandbox.
#
#   DAYTONA_API_URL=local ruby shell.rb [sandbox]
#
# Without the id or name of a sandbox it makes one, and deletes it afterwards.

require 'English'
require 'daytona'
require 'io/console'

# Connects this terminal with one in the sandbox until one of them ends.
# @return [Integer] Exit code of the shell there.
def shell(sandbox)
  rows, cols = $stdin.winsize.map { |side| [side, 1].max }
  environment = { 'TERM' => ENV.fetch('TERM', 'xterm') }
  sandbox.process.create_pty_session(id: "shell-#{$PROCESS_ID}", envs: environment, rows: rows, cols: cols) do |pty|
    # Raw until the block ends, however it ends: Ruby makes exceptions of signals.
    $stdin.raw do
      resizer = follow_size(pty)
      typist = Thread.new { type(pty) }
      pty.each_chunk { |bytes| $stdout.write(bytes) }
    ensure
      [resizer, typist].compact.each(&:kill)
    end
    pty.exit_code
  end
end

# Sends what is typed.
def type(pty)
  loop { pty << $stdin.readpartial(4096) }
rescue EOFError, Errno::EIO, Daytona::Sdk::Error
  # Nobody types any more, or nobody listens.
end

# Gives the terminal in the sandbox the size of this one whenever that changes.
def follow_size(pty)
  changes = Queue.new
  trap(:WINCH) { changes << true }
  Thread.new do
    while changes.pop
      rows, cols = $stdin.winsize
      pty.resize(rows: rows, cols: cols)
    end
  rescue Daytona::Sdk::Error
    # It has just ended.
  end
end

unless $stdin.tty?
  warn 'shell: standard input is not a terminal'
  exit 2
end
# The one of these signals that Ruby does not make an exception of.
trap(:QUIT) { raise SignalException, 'SIGQUIT' }
$stdout.sync = true

code = Daytona::Daytona.open do |daytona|
  ARGV.empty? ? daytona.create { |sandbox| shell(sandbox) } : shell(daytona.get(ARGV.first))
rescue Daytona::Sdk::Error => e
  abort "shell: #{e.message}"
end
exit code || 1
