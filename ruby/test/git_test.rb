# frozen_string_literal: true

require_relative 'test_helper'

class GitTest < DaytonaTest
  AUTHOR = ['Ada', 'ada@example.com'].freeze

  def git
    sandbox.git
  end

  # A bare repository with a commit, and a clone of it.
  def setup
    @remote = "/home/daytona/#{unique}.git"
    @path = "/home/daytona/#{unique}"
    made = sandbox.process.exec(<<~SH)
      set -e
      git init --quiet --bare --initial-branch=main #{@remote}
      git clone --quiet #{@remote} #{@path}.first 2>/dev/null
      cd #{@path}.first
      echo one >a.txt
      git add .
      git -c user.name=A -c user.email=a@b.c commit --quiet -m first
      git push --quiet origin HEAD:main
    SH
    assert_equal 0, made.exit_code, made.result
    git.clone("file://#{@remote}", @path)
  end

  def commit(text)
    sandbox.fs.upload_file(text, "#{@path}/a.txt")
    git.add(@path, ['.'])
    git.commit(@path, text, *AUTHOR).sha
  end

  def test_changes_are_seen_staged_and_committed
    sandbox.fs.upload_file('new', "#{@path}/b.txt")
    sandbox.fs.upload_file('changed', "#{@path}/a.txt")
    git.add(path: @path, files: ['a.txt'])
    status = git.status(@path)
    assert_equal 'main', status.current_branch
    changed, untracked = status.file_status.sort_by(&:name)
    assert_equal ['a.txt', 'a.txt', 'Modified', 'Modified'],
                 [changed.name, changed.path, changed.staging, changed.status]
    assert_equal ['b.txt', 'Untracked', 'Untracked', ''],
                 [untracked.path, untracked.worktree, untracked.status, untracked.extra]
    sha = git.commit(@path, 'second', *AUTHOR).sha
    assert_match(/\A\h{40}\z/, sha)
    history = git.history(path: @path)
    assert_equal [%w[second Ada], %w[first A]], (history.map { |made| [made.message.strip, made.author] })
    assert_equal sha, history.first.hash
    assert_equal 1, git.status(@path).ahead
  end

  def test_an_empty_commit_must_be_allowed
    assert_raises(Daytona::Sdk::Error) { git.commit(@path, 'nothing', *AUTHOR) }
    git.commit(@path, 'positional', *AUTHOR, true)
    git.commit(@path, 'mixed', *AUTHOR, allow_empty: true)
    git.commit(path: @path, message: 'named', author: 'A', email: 'a@b.c', allow_empty: true)
    messages = git.history(@path).map { |made| made.message.strip }
    assert_equal %w[named mixed positional first], messages
  end

  def test_branches_are_made_checked_out_and_deleted
    first = git.history(@path).first.hash
    git.create_branch(@path, 'topic')
    sha = commit('on topic')
    assert_equal 'topic', git.status(@path).current_branch
    git.checkout_branch(@path, 'main')
    assert_equal %w[main topic], git.branches(@path).branches.sort
    assert_raises(Daytona::Sdk::ConflictError) { git.delete_branch(@path, 'topic', force: false) }
    git.delete_branch(@path, 'topic', force: true)
    assert_equal ['main'], git.branches(path: @path).branches
    git.checkout(@path, sha)
    assert_equal 'on topic', sandbox.fs.read_file("#{@path}/a.txt")
    git.checkout(path: @path, branch: first)
    assert_equal "one\n", sandbox.fs.read_file("#{@path}/a.txt")
    assert_raises(Daytona::Sdk::GitBranchNotFoundError) { git.checkout(@path, 'nowhere') }
  end

  def test_commits_go_to_the_remote_and_back
    commit('pushed')
    git.push(@path)
    git.create_branch(@path, 'published')
    git.push(path: @path, remote: 'origin', branch: 'published', set_upstream: true)
    assert git.status(@path).branch_published
    other = "#{@path}.other"
    git.clone(url: "file://#{@remote}", path: other, branch: 'main', depth: 1)
    assert_equal 1, git.history(other).size
    git.checkout(@path, 'main')
    commit('pulled')
    git.push(@path, timeout: 60)
    git.pull(other)
    assert_equal 'pulled', sandbox.fs.read_file("#{other}/a.txt")
  end

  def test_errors_say_what_is_wrong
    assert_raises(Daytona::Sdk::GitRepoNotFoundError) { git.clone('file:///nowhere.git', "#{@path}.none") }
    assert_raises(Daytona::Sdk::GitRepoNotFoundError) { git.status('/tmp') }
    assert_raises(Daytona::Sdk::InvalidArgumentError) { git.commit(@path, '', *AUTHOR) }
    assert_raises(Daytona::Sdk::InvalidArgumentError) { git.checkout(@path, '--orphan') }
  end
end
