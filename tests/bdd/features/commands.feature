Feature: Commands
  What a person can ask of a running system, and of a file.

  Scenario: Status shows the gateway and what it counted
    Given a running gateway with stable and canary of the shop
    When GET / is requested
    Then in time `halftone status --api http://<api>` prints "stable"
    And it ends with 0

  Scenario: A call that is wrong says so
    When `halftone gateway --engine steam` is run
    Then it ends with 2
    And it prints "steam"

  Scenario: A file is checked before it is served
    Given the file shop.yaml
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      routes: [ { name: all, rules: [ { release: absent } ] } ]
      """
    When `halftone check <folder>/shop.yaml` is run
    Then it ends with 1
    And it prints "shop.yaml:4:"
    And it prints "absent"
