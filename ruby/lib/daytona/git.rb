# frozen_string_literal: true

module Daytona
  # Git repositories of a sandbox: `sandbox.git`. Required arguments may be given by position or by keyword.
  class Git < Generated::Git
    # Commits what is staged.
    #
    # @param path [String] Path of the repository.
    # @param message [String]
    # @param author [String] Name of the author.
    # @param email [String] E-mail address of the author.
    # @param allow_empty [Boolean] Whether a commit without changes is fine. Also by keyword.
    # @param request_timeout [Numeric, nil] Seconds the whole call may take; 0 = no limit.
    # @return [GitCommitResponse] With its `sha`.
    # @raise [Sdk::InvalidArgumentError] Without message, author or e-mail address.
    # @raise [Sdk::InternalServerError] When nothing is staged and `allow_empty` is false.
    both_forms def commit(path, message, author, email, allow_empty = nil, request_timeout: nil)
      super(path, message, author, email, allow_empty: allow_empty, request_timeout: request_timeout)
    end

    # Checks out a branch, or a commit by its hash.
    #
    # @param path [String] Path of the repository.
    # @param branch [String] Name of the branch, or hash of the commit.
    # @param request_timeout [Numeric, nil] Seconds the whole call may take; 0 = no limit.
    # @return [void]
    # @raise [Sdk::GitBranchNotFoundError] When there is none.
    # @raise [Sdk::GitDirtyWorktreeError] When changes would be lost.
    both_forms def checkout_branch(path, branch, request_timeout: nil)
      super
    end
    alias_both_forms :checkout, :checkout_branch
  end

  class FileStatus # rubocop:disable Style/Documentation
    alias path name

    # @return [String] State in one word: that of the worktree, or of a file without changes there that of the index.
    def status
      ['', 'Unmodified'].include?(worktree) ? staging : worktree
    end
  end
end
