"""The network: what a sandbox may reach, what it tried, and the lists a program needs.

DAYTONA_API_URL=local python network.py
"""

from __future__ import annotations

from daytona import Daytona, Sandbox


def learn(sandbox: Sandbox) -> None:
    # region: learn
    sandbox.process.exec("curl --silent --max-time 10 --output page https://example.com/")

    log = sandbox.network.log()
    for attempt in log.entries:
        outcome = "allowed" if attempt.allowed else "refused"
        print(attempt.protocol, attempt.name or attempt.address, outcome, attempt.rule)

    sandbox.update_network_settings(domain_allow_list=log.domain_allow_list, network_allow_list=log.network_allow_list)
    # endregion


def limits(sandbox: Sandbox) -> None:
    # region: limits
    sandbox.update_network_settings(domain_allow_list="pypi.org,*.pythonhosted.org")
    print("reaches only", sandbox.domain_allow_list)

    sandbox.update_network_settings(network_block_all=True)
    # endregion
    print(sandbox.process.exec("getent hosts pypi.org || echo unresolved").result)


def main() -> None:
    with Daytona() as daytona, daytona.create() as sandbox:
        for part in (learn, limits):
            print(f"--- {part.__name__}", flush=True)
            part(sandbox)


if __name__ == "__main__":
    main()
