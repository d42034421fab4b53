# frozen_string_literal: true

require_relative '../lib/daytona/version'

Gem::Specification.new do |spec|
  spec.name = 'daytona-local'
  spec.version = Daytona::VERSION
  spec.authors = ['The Daytona SDK authors']
  spec.summary = 'The local engine of the Daytona SDK: sandboxes on this machine'
  spec.description = 'The `daytona` program, which serves the local engine: sandboxes on this machine, without an ' \
                     'account and without Docker. The gem `daytona` finds it here.'
  spec.homepage = 'https://github.com/daytonaio/daytona'
  spec.license = 'Apache-2.0'
  spec.metadata = { 'rubygems_mfa_required' => 'true', 'source_code_uri' => spec.homepage }

  # A program for one platform, which is no part of Ruby.
  spec.platform = Gem::Platform.local
  spec.required_ruby_version = '>= 3.0'

  spec.files = Dir['lib/**/*.rb', 'exe/daytona', 'libexec/daytona', 'README.md', 'LICENSE', 'THIRD_PARTY_LICENSES.txt',
                   base: __dir__]
  spec.require_paths = ['lib']
  spec.bindir = 'exe'
  spec.executables = ['daytona']
end
