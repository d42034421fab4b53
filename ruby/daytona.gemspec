# frozen_string_literal: true

require_relative 'lib/daytona/version'

Gem::Specification.new do |spec|
  spec.name = 'daytona'
  spec.version = Daytona::VERSION
  spec.authors = ['The Daytona SDK authors']
  spec.summary = 'Sandboxes for running code: the Daytona SDK'
  spec.description = 'Create sandboxes, run commands and code in them, stream their output, move files in and out. ' \
                     'Works against the Daytona cloud and, without an account, against the engine of daytona-local.'
  spec.homepage = 'https://github.com/daytonaio/daytona'
  spec.license = 'Apache-2.0'
  spec.metadata = { 'rubygems_mfa_required' => 'true', 'source_code_uri' => spec.homepage }

  # The native library is built for one platform and for one ABI of Ruby, which is the same within a minor version: a
  # gem is packed once for each of them, and no compiler is needed to install it.
  spec.platform = Gem::Platform.local
  spec.required_ruby_version = "~> #{RbConfig::CONFIG['ruby_version']}"

  files = Dir['lib/**/*.{rb,so,bundle}', 'sig/**/*', 'README.md', 'LICENSE', 'THIRD_PARTY_LICENSES.txt',
              base: __dir__]
  spec.files = files.select { |path| File.file?(File.join(__dir__, path)) }
  spec.require_paths = ['lib']
end
