# frozen_string_literal: true

module Daytona
  # Sandboxes of {Daytona#list}: an Enumerator over all of them, fetched as they are needed, and at the same time the
  # page that was asked for: `items`, `total`, `page`, `total_pages`.
  class PaginatedSandboxes < Enumerator
    # @param service [Generated::Sandboxes]
    # @param query [ListSandboxesQuery]
    # @param page [Integer, nil] Page to begin with.
    # @yieldparam info [SandboxInfo]
    # @yieldreturn [Sandbox]
    # @api private
    def initialize(service, query, page, &sandbox)
      @service = service
      @query = query
      @number = page
      @sandbox = sandbox
      super() do |yielder|
        infos = @number ? infos_by_page : infos_by_cursor
        infos.each { |info| yielder << @sandbox.call(info) }
      end
    end

    # @return [Array<Sandbox>] The sandboxes of this page; without a page number, of the first part.
    def items
      @items ||= (@number ? first_page : first_part).items.map(&@sandbox)
    end

    # @return [String, nil] The cursor behind {items}: a `ListSandboxesQuery` with it continues there. nil at the end,
    #   and with a page number.
    def next_cursor
      @number ? nil : first_part.next_cursor
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

    def first_page
      @first_page ||= fetch(@number || 1)
    end

    def first_part
      @first_part ||= @service.list(@query)
    end

    def fetch(number)
      @service.list_page(labels: @query.labels, page: number, limit: @query.limit)
    end

    # From the page asked for to the last one.
    def infos_by_page
      Enumerator.new do |yielder|
        current = first_page
        loop do
          current.items.each { |info| yielder << info }
          break if current.page >= current.total_pages

          current = fetch(current.page + 1)
        end
      end
    end

    def infos_by_cursor
      Enumerator.new do |yielder|
        query = @query.dup
        part = first_part
        loop do
          part.items.each { |info| yielder << info }
          break if part.next_cursor.nil?

          query.cursor = part.next_cursor
          part = @service.list(query)
        end
      end
    end
  end
end
