# frozen_string_literal: true

# Images and snapshots: what sandboxes are made from.
#
#   DAYTONA_API_URL=local ruby images.rb

require 'daytona'

DOCKERFILE = File.expand_path('../data/node-app/Dockerfile', __dir__)

def science
  # region: science
  image = Daytona::Image.debian_slim('3.12')
                        .pip_install('numpy', 'pandas>=2', 'matplotlib')
                        .run_commands('apt-get install -y git')
                        .env('MPLBACKEND' => 'Agg')
                        .workdir('/home/daytona')
  puts image.dockerfile
  # endregion
end

def app
  # region: app
  image = Daytona::Image.from_dockerfile(DOCKERFILE).env('NODE_ENV' => 'production')
  image.context_list.each { |context| puts "copies #{context.archive_path}" }
  # endregion
end

def snapshot(daytona)
  # region: snapshot
  # The local engine's own system. Elsewhere: an image of a registry, or an Image.
  params = Daytona::CreateSnapshotParams.new(
    name: 'base-ruby', image: 'default', resources: Daytona::Resources.new(cpu: 1, memory: 1, disk: 4)
  )
  made = daytona.snapshot.create(params) { |line| puts line }
  puts "#{made.name} #{made.state}"

  daytona.create(snapshot: made.name) do |sandbox|
    puts sandbox.process.exec(command: 'echo made from it').result
  end

  daytona.snapshot.delete(made)
  # endregion
end

Daytona::Daytona.open do |daytona|
  puts '-- science'
  science
  puts '-- app'
  app
  puts '-- snapshot'
  snapshot(daytona)
end
