# frozen_string_literal: true

# Volumes: files that sandboxes share and that outlive them.
#
#   DAYTONA_API_URL=local ruby volumes.rb

require 'daytona'
require 'securerandom'

def share(daytona, name)
  # region: share
  volume = daytona.volume.get(name, create: true)
  mount = Daytona::VolumeMount.new(volume_id: volume.id, mount_path: '/home/daytona/shared')
  pool = Array.new(2) { daytona.create(volumes: [mount]) }
  pool[0].process.exec(command: 'echo 0.87 > shared/score')
  puts pool[1].process.exec(command: 'cat shared/score').result
  pool.each(&:delete)
  # endregion
end

def subpath(daytona, name)
  volume = daytona.volume.get(name)
  # region: subpath
  mount = Daytona::VolumeMount.new(volume_id: volume.id, mount_path: '/home/daytona/mine', subpath: 'tenants/42')
  daytona.create(volumes: [mount]) do |sandbox|
    sandbox.process.exec(command: 'echo private > mine/notes')
  end
  # endregion
end

def manage(daytona, name)
  daytona.volume.delete(daytona.volume.get(name))
  # region: manage
  volume = daytona.volume.create("#{name}-next")
  volume = daytona.volume.wait_for_ready(volume)
  puts daytona.volume.list.map(&:name).inspect
  daytona.volume.delete(volume)
  # endregion
end

Daytona::Daytona.open do |daytona|
  name = "example-#{SecureRandom.uuid}"
  %i[share subpath manage].each do |part|
    puts "-- #{part}"
    send(part, daytona, name)
  end
end
