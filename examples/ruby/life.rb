# frozen_string_literal: true

# The life of a sandbox: pause, stop, archive, size, copies, intervals.
#
#   DAYTONA_API_URL=local ruby life.rb

require 'daytona'

def pause(sandbox)
  # region: pause
  sandbox.pause # Its processes stand still and keep their memory.
  puts sandbox.state
  sandbox.start
  # endregion
  puts sandbox.state
end

def archive(sandbox)
  # region: archive
  sandbox.process.exec('echo kept > note')
  sandbox.stop
  sandbox.archive
  sandbox.start
  puts sandbox.process.exec('cat note').result
  # endregion
end

def resize(sandbox)
  # region: resize
  sandbox.resize(Daytona::Resources.new(cpu: 2, memory: 2)) # While it runs.
  sandbox.stop
  sandbox.resize(Daytona::Resources.new(disk: 5)) # A disk takes a stopped sandbox.
  sandbox.start
  puts "#{sandbox.cpu} #{sandbox.memory} #{sandbox.disk}"
  # endregion
end

def fork_it(sandbox)
  # region: fork
  sandbox.process.exec('echo original > note')
  copy = sandbox.fork
  copy.process.exec('echo copied >> note')
  puts copy.process.exec('cat note').result
  puts sandbox.process.exec('cat note').result
  copy.delete
  # endregion
end

def intervals(sandbox)
  # region: intervals
  sandbox.auto_stop_interval = 30 # Minutes without activity.
  sandbox.auto_archive_interval = 60 # Minutes since it stopped.
  sandbox.auto_delete_interval = 24 * 60
  sandbox.set_ttl(7 * 24 * 60) # Minutes from now, whatever its state.
  sandbox.refresh_activity
  # endregion
  puts "#{sandbox.auto_stop_interval} #{sandbox.auto_destroy_at}"
end

def environment(sandbox)
  # region: environment
  sandbox.update_env(set: { 'STAGE' => 'test' }, unset: ['OLDPWD'])
  puts sandbox.process.exec('echo $STAGE').result
  # endregion
end

def metrics(sandbox)
  # region: metrics
  now = sandbox.get_metrics_latest
  puts "#{now.mem_used} of #{now.mem_total}"
  # Of the last hour.
  sandbox.get_metrics.each { |at| puts "#{at.timestamp} #{at.cpu_used_pct}" }
  # endregion
end

Daytona::Daytona.open do |daytona|
  daytona.create(labels: { 'purpose' => 'example' }) do |sandbox|
    %i[pause archive resize fork_it intervals environment metrics].each do |part|
      puts "-- #{part}"
      send(part, sandbox)
    end
  end
end
