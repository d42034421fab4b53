# frozen_string_literal: true

module Daytona
  # Sandboxes of {Daytona#list}: an Enumerator over all of them, fetched as they are needed, and at the same time the
  # page that was asked for: `items`, `total`, `page`, `total_pages`. With a page number it goes through numbered pages,
  # and may miss sandboxes or see some twice while others create or delete some; without one it is not affected.
  class PaginatedSandboxes < Enumerator
    # @param query [ListSandboxesQuery]
    # @param number [Integer, nil] Page to begin with.
    # @param parts [#call] Returns the sandboxes of a query, up to a cursor.
    # @param pages [#call] Returns a numbered page.
    # @yieldparam info [SandboxInfo]
    # @yieldreturn [Sandbox]
    # @api private
    def initialize(query, number, parts:, pages:, &sandbox)
      @query = query
      @number = number
      @parts = parts
      @pages = pages
      @sandbox = sandbox
      super() do |yielder|
        part = first_batch
        while part
          part.items.each { |info| yielder << @sandbox.call(info) }
          part = batch_after(part)
        end
      end
    end

    # @return [Array<Sandbox>] The sandboxes of this page; without a page number, of the first part.
    def items
      @items ||= first_batch.items.map(&@sandbox)
    end

    # @return [String, nil] The cursor behind {items}: a `ListSandboxesQuery` with it continues there. nil at the end,
    #   and with a page number.
    def next_cursor
      first_part.next_cursor unless @number
    end

    # @return [Integer] Number of sandboxes on all pages.
    def total
      first_page.total
    end

    # @return [Integer] This page, from 1.
    def page
      first_page.page
    end

    # @return [Integer] Number of pages.
    def total_pages
      first_page.total_pages
    end

    # @return [String]
    def inspect
      "#<#{self.class.name}#{" page=#{@number}" if @number}>"
    end

    private

    def first_batch
      @number ? first_page : first_part
    end

    def first_page
      @first_page ||= fetch(@number || 1)
    end

    def first_part
      @first_part ||= @parts.call(@query)
    end

    def batch_after(part)
      if @number
        fetch(part.page + 1) if part.page < part.total_pages
      elsif part.next_cursor
        @parts.call(@query.dup.tap { |query| query.cursor = part.next_cursor })
      end
    end

    def fetch(number)
      @pages.call(labels: @query.labels, page: number, limit: @query.limit)
    end
  end
end
