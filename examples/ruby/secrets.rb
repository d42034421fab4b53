# frozen_string_literal: true

# Secrets: values that programs in a sandbox use without having them.
#
#   DAYTONA_API_URL=local ruby secrets.rb

require 'daytona'
require 'securerandom'

def use(daytona, name)
  # region: use
  daytona.secret.create({ name: name, value: 'sk-...', hosts: ['api.example.com'] })

  daytona.create(secrets: { 'API_KEY' => name }) do |sandbox|
    puts sandbox.process.exec(command: 'echo $API_KEY').result # dtn_secret_...
    # The server is sent the value: curl -H "Authorization: Bearer $API_KEY" https://api.example.com/
  end
  # endregion
end

def manage(daytona, name)
  daytona.create(secrets: { 'API_KEY' => name }) do |sandbox|
    # region: manage
    daytona.secret.list(name: name).items.each do |secret|
      puts "#{secret.name} #{secret.hosts} #{secret.placeholder}"
      daytona.secret.update(secret.id, { value: 'sk-new', hosts: ['*.example.com'] })
    end

    sandbox.update_secrets({ 'OTHER_KEY' => name })
    sandbox.update_secrets({})

    daytona.secret.list(name: name).items.each { |secret| daytona.secret.delete(secret.id) }
    # endregion
  end
end

Daytona::Daytona.open do |daytona|
  name = "example-#{SecureRandom.uuid}"
  %i[use manage].each do |part|
    puts "-- #{part}"
    send(part, daytona, name)
  end
end
