# frozen_string_literal: true

module Daytona
  class FileStatus # rubocop:disable Style/Documentation
    # @return [String] State in one word: that of the worktree, or of a file without changes there that of the index.
    def status
      ['', 'Unmodified'].include?(worktree) ? staging : worktree
    end
  end
end
