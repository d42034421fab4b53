# frozen_string_literal: true

# Terminals: a shell as a person uses it, driven by a program. See shell.rb for one that is driven by a person.
#
#   DAYTONA_API_URL=local ruby terminals.rb

require 'daytona'

def create(sandbox)
  # region: create
  size = Daytona::PtySize.new(rows: 30, cols: 100)
  sandbox.process.create_pty_session(id: 'work', pty_size: size) do |terminal|
    terminal.send_input("stty size; exit 7\n")
    terminal.each { |text| print text }
    puts "exit code #{terminal.exit_code}"
  end
  # endregion
end

def resize_kill(sandbox)
  # region: resize-kill
  terminal = sandbox.process.create_pty_session(id: 'second')
  terminal.resize(rows: 40, cols: 120)
  terminal.disconnect # Its session goes on.

  again = sandbox.process.connect_pty_session('second')
  again.kill
  # endregion
  puts "left: #{sandbox.process.list_pty_sessions.map(&:id).inspect}"
end

Daytona::Daytona.open do |daytona|
  daytona.create(labels: { 'purpose' => 'example' }) do |sandbox|
    %i[create resize_kill].each do |part|
      puts "-- #{part}"
      send(part, sandbox)
    end
  end
end
