# frozen_string_literal: true

# Git: a repository cloned, changed, branched, pushed and pulled inside of a sandbox.
#
#   DAYTONA_API_URL=local ruby git.rb

require 'daytona'

# Makes a remote repository with one commit.
PREPARE = <<~SH
  set -e
  git init --quiet --bare --initial-branch=main remote.git
  git clone --quiet remote.git seed 2>/dev/null
  cd seed
  git checkout --quiet -B main
  echo "# Demo" >README.md
  git add README.md
  git -c user.name=Ann -c user.email=ann@example.com commit --quiet --message "First commit"
  git push --quiet origin main
SH

def remote(sandbox)
  made = sandbox.process.exec(PREPARE)
  abort made.result unless made.exit_code.zero?
end

def clone_repository(sandbox)
  url = "file://#{sandbox.get_user_home_dir}/remote.git"
  # region: clone
  # For a private repository: username and password, too.
  sandbox.git.clone(url, 'project', branch: 'main')
  # endregion
end

def status_commit(sandbox)
  # region: status-commit
  sandbox.fs.upload_file("print('hello')\n", 'project/main.py')
  status = sandbox.git.status('project')
  status.file_status.each { |file| puts "#{status.current_branch} #{file.path} #{file.status}" }

  sandbox.git.add('project', ['main.py'])
  commit = sandbox.git.commit(
    path: 'project', message: 'Say hello', author: 'Ann', email: 'ann@example.com'
  )
  puts "committed #{commit.sha[0, 8]}"
  # endregion
end

def branches(sandbox)
  # region: branches
  sandbox.git.create_branch('project', 'experiment')
  puts sandbox.git.branches('project').branches.join(', ')

  sandbox.git.checkout('project', 'main') # Or the hash of a commit.
  sandbox.git.delete_branch('project', 'experiment', force: true)
  # endregion
end

def push_pull(sandbox)
  # region: push-pull
  sandbox.git.push('project')
  sandbox.git.pull('project')
  status = sandbox.git.status('project')
  puts "ahead #{status.ahead}, behind #{status.behind}"
  # endregion
end

def history(sandbox)
  # region: history
  sandbox.git.history('project').each do |commit|
    puts "#{commit.hash[0, 8]} #{commit.author} #{commit.message}"
  end
  # endregion
end

Daytona::Daytona.open do |daytona|
  daytona.create(labels: { 'purpose' => 'example' }) do |sandbox|
    %i[remote clone_repository status_commit branches push_pull history].each do |part|
      puts "-- #{part}"
      send(part, sandbox)
    end
  end
end
