# frozen_string_literal: true

# The network: what a sandbox may reach, what it tried, and the lists a program needs.
#
#   DAYTONA_API_URL=local ruby network.rb

require 'daytona'

def learn(sandbox)
  # region: learn
  sandbox.process.exec(command: 'curl --silent --max-time 10 --output page https://example.com/')

  log = sandbox.network.log
  log.entries.each do |attempt|
    outcome = attempt.allowed ? 'allowed' : 'refused'
    puts "#{attempt.protocol} #{attempt.name || attempt.address} #{outcome} #{attempt.rule}"
  end

  sandbox.update_network_settings(
    domain_allow_list: log.domain_allow_list, network_allow_list: log.network_allow_list
  )
  # endregion
end

def limits(sandbox)
  # region: limits
  sandbox.update_network_settings(domain_allow_list: 'pypi.org,*.pythonhosted.org')
  puts "reaches only #{sandbox.domain_allow_list}"

  sandbox.update_network_settings(network_block_all: true)
  # endregion
  puts sandbox.process.exec(command: 'getent hosts pypi.org || echo unresolved').result
end

Daytona::Daytona.open do |daytona|
  daytona.create(labels: { 'purpose' => 'example' }) do |sandbox|
    %i[learn limits].each do |part|
      puts "-- #{part}"
      send(part, sandbox)
    end
  end
end
