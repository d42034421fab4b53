# frozen_string_literal: true

# Files: up and down, in streams, many at once, whole directories, searching, permissions.
#
#   DAYTONA_API_URL=local ruby files.rb

require 'daytona'
require 'stringio'
require 'timeout'
require 'tmpdir'

def upload_download(sandbox)
  Dir.chdir(Dir.mktmpdir) do
    # region: upload-download
    sandbox.fs.upload_file("hello\n", 'work/greeting.txt')
    puts sandbox.fs.read_file('work/greeting.txt')

    # From path to path, whatever the size.
    sandbox.fs.download_file('work/greeting.txt', 'greeting.txt')
    sandbox.fs.upload_file('greeting.txt', 'work/copy.txt')
    # endregion
  end
end

def streams(sandbox)
  source = StringIO.new("all work and no play\n" * 200_000)
  # region: streams
  sandbox.fs.upload_file_stream(
    source, 'work/big.txt', # An IO, or an Enumerator of pieces.
    on_progress: ->(progress) { print "\rsent #{progress.bytes_sent} bytes" }
  )

  # Leaving the block ends the download: the rest is never sent.
  sandbox.fs.open_download('work/big.txt') do |file|
    puts "\nit begins with #{file.read(20).inspect}, and has #{file.size} bytes"
  end

  begin
    # An upload that is interrupted stores nothing.
    Timeout.timeout(0.2) { sandbox.fs.upload_file_stream(["and so on\n"].cycle, 'work/endless.txt') }
  rescue Timeout::Error
    puts 'given up'
  end
  # endregion
end

def many(sandbox)
  # region: many
  sandbox.fs.upload_files([
                            Daytona::FileUpload.new("1\n", 'work/many/one.txt'),
                            Daytona::FileUpload.new("2\n", 'work/many/two.txt')
                          ])
  files = sandbox.fs.download_files(['work/many/one.txt', 'work/many/none.txt'])
  files.each { |file| puts "#{file.source}: #{file.error || "#{file.content.bytesize} bytes"}" }
  # endregion
end

def directories(sandbox)
  project = Dir.mktmpdir
  Dir.mkdir(File.join(project, 'lib'))
  { 'main.py' => "print('hi')\n", 'lib/a.py' => "A = 1\n", 'lib/a.pyc' => 'cache' }.each do |path, content|
    File.write(File.join(project, path), content)
  end
  results = File.join(project, 'results')
  # region: directories
  up = sandbox.fs.upload_dir(project, 'work/project', exclude: ['*.pyc', '.git']) do |progress|
    print "\r#{progress.files} of #{progress.total_files} files"
  end
  puts "#{up.files} files, #{up.bytes} bytes"

  down = sandbox.fs.download_dir('work/project', results)
  down.skipped.each { |entry| puts "left out #{entry.path}: #{entry.reason}" }
  # endregion
end

def search_replace(sandbox)
  # region: search-replace
  found = sandbox.fs.search_files('work', '*.py').files
  puts found

  sandbox.fs.find_files('work', 'A = 1').each do |match|
    puts "#{match.file}:#{match.line}: #{match.content}"
  end

  sandbox.fs.replace_in_files(files: found, pattern: 'A = 1', new_value: 'A = 2').each do |result|
    puts "#{result.file}: #{result.success}"
  end
  # endregion
end

def permissions(sandbox)
  # region: permissions
  sandbox.fs.set_file_permissions('work/greeting.txt', mode: '600')
  info = sandbox.fs.get_file_info('work/greeting.txt')
  puts "#{info.mode} #{info.owner} #{info.group}"
  # endregion
end

Daytona::Daytona.open do |daytona|
  daytona.create(labels: { 'purpose' => 'example' }) do |sandbox|
    %i[upload_download streams many directories search_replace permissions].each do |part|
      puts "-- #{part}"
      send(part, sandbox)
    end
  end
end
