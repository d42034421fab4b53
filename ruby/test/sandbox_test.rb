# frozen_string_literal: true

require_relative 'test_helper'

class SandboxTest < DaytonaTest
  def test_parameters_arrive
    params = Daytona::CreateSandboxFromSnapshotParams.new(
      name: unique, language: Daytona::CodeLanguage::JAVASCRIPT, env_vars: { A: 1 }, labels: { 'k' => 'v' },
      auto_stop_interval: 30, auto_archive_interval: 60, auto_delete_interval: 120, public: true
    )
    daytona.create(params, timeout: 30) do |created|
      assert_equal params.name, created.name
      assert_equal 'javascript', created.language
      assert_equal({ 'A' => '1' }, created.env)
      assert_equal 'v', created.labels['k']
      assert_equal [30, 60, 120],
                   [created.auto_stop_interval, created.auto_archive_interval, created.auto_delete_interval]
      assert created.public
      assert_equal "1\n", created.process.exec('echo $A').result
      refute_match(/"1"/, created.info.inspect)
    end
  end

  def test_a_copy_belongs_to_its_caller
    daytona.create do |created|
      copy = created.fork
      # What a call made and nobody took is deleted with the object that stands for it.
      created.refresh
      Thread.current[:daytona_made] = nil
      GC.start
      assert Daytona::Native.settle(10)
      assert_equal 'started', copy.refresh.state
    ensure
      copy&.delete
    end
  end

  def test_keywords_stand_for_params
    name = unique
    daytona.create(name: name, os_user: 'daytona', ephemeral: true) do |created|
      assert_equal [name, 'daytona', 0], [created.name, created.os_user, created.auto_delete_interval]
    end
    assert_raises(Daytona::Sdk::InvalidArgumentError) { daytona.create(colour: 'red') }
    assert_raises(ArgumentError) { daytona.create(Daytona::CreateSandboxFromSnapshotParams.new, name: 'x') }
  end

  def test_a_sandbox_is_found_by_id_name_and_labels
    assert_equal sandbox.id, daytona.get(sandbox.id).id
    assert_equal sandbox.id, daytona.get(id: sandbox.name).id
    assert_equal sandbox.id, daytona.find_one(sandbox.name).id
    assert_equal sandbox.id, daytona.find_one(id: sandbox.id, labels: {}).id
    label = unique
    sandbox.labels = { 'mark' => label }
    assert_equal sandbox.id, daytona.find_one(labels: { 'mark' => label }).id
    assert_raises(Daytona::Sdk::NotFoundError) { daytona.find_one(labels: { 'mark' => unique }) }
  end

  def test_a_list_is_a_page_and_an_enumerator
    label = unique
    made = Array.new(3) { daytona.create(labels: { 'list' => label }) }
    page = daytona.list({ 'list' => label }, page: 1, limit: 2)
    assert_equal [2, 3, 1, 2], [page.items.size, page.total, page.page, page.total_pages]
    assert_equal made.map(&:id).sort, page.map(&:id).sort
    assert_equal made.map(&:id).sort, daytona.list(labels: { 'list' => label }, limit: 1).map(&:id).sort
    assert_equal 3, daytona.list('list' => label).count
    query = Daytona::ListSandboxesQuery.new(labels: { 'list' => label }, limit: 2)
    assert_kind_of Daytona::Sandbox, daytona.list(query).next
    assert_equal 1, daytona.list({ 'list' => label }, page: 2, limit: 2).items.size
  ensure
    made&.each(&:delete)
  end

  def test_start_and_stop_take_a_timeout_in_either_form
    daytona.create do |created|
      assert_equal 'stopped', created.stop(timeout: 60).state
      assert_equal 'started', created.start(60).state
      assert_equal 'stopped', daytona.stop(created, timeout: 60, force: true).state
      assert_equal 'started', daytona.start(created).state
      assert_equal 'started', created.wait_for_sandbox_start(timeout: 60).state
      assert_equal 'started', created.wait_for_sandbox_start(60).refresh.state
      daytona.delete(created, wait: true)
      created.wait_for_sandbox_stop(timeout: 60)
    end
  end

  def test_labels_and_intervals_can_be_assigned
    daytona.create do |created|
      created.labels = { 'a' => 'b' }
      created.auto_stop_interval = 7
      created.auto_archive_interval = 8
      created.auto_delete_interval = 9
      fresh = daytona.get(created.id)
      assert_equal 'b', fresh.labels['a']
      assert_equal [7, 8, 9], [fresh.auto_stop_interval, fresh.auto_archive_interval, fresh.auto_delete_interval]
      assert_equal 7, created.auto_stop_interval
      created.refresh_activity
    end
  end

  def test_preview_urls_come_in_every_form
    link = sandbox.preview_url(3000)
    assert_equal link.url, sandbox.get_preview_link(port: 3000).url
    refute_includes link.inspect, link.token
    signed = sandbox.create_signed_preview_url(3000, expires_in_seconds: 120)
    assert_equal 3000, signed.port
    refute_includes signed.inspect, signed.token
    assert_match(/http/, sandbox.create_signed_preview_url(3000, 120).url)
    sandbox.expire_signed_preview_url(3000, signed.token)
  end

  def test_directories_are_known
    assert_equal '/home/daytona', sandbox.get_user_home_dir
    assert_equal "#{sandbox.get_work_dir}\n", sandbox.process.exec('pwd').result
  end

  def test_errors_have_classes_and_attributes
    error = assert_raises(Daytona::Sdk::NotFoundError) { daytona.get(unique) }
    assert_kind_of Daytona::Sdk::Error, error
    assert_equal ['NotFound', 404, 'sandbox.get', false],
                 [error.kind, error.status_code, error.operation, error.retryable?]
    assert_equal error.headers['content-type'], error.headers['Content-Type']
    assert_match(/json/, error.headers.fetch('CONTENT-TYPE'))
    assert_same Daytona::Sdk::AuthorizationError, Daytona::Sdk::ForbiddenError
    assert_operator Daytona::Sdk::InvalidArgumentError, :<, Daytona::Sdk::ValidationError
    unknown = Daytona::Sdk::Error.from_json('{"kind":"FromTheFuture","message":"m","retryable":true}')
    assert_instance_of Daytona::Sdk::Error, unknown
    assert_predicate unknown, :retryable?
  end
end
