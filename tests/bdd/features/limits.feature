Feature: Limits
  No service is sent a larger body than its bundle allows.

  Background:
    Given a service web
    And a running gateway
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams: { web: { variants: { stable: { addresses: [ '<web>' ] } } } }
      routes: [ { name: shop, rules: [ { upstream: web, limits: { bodyBytes: 1KiB } } ] } ]
      """

  Scenario Outline: <bytes> bytes <way> where 1 KiB is allowed
    When <bytes> bytes are posted <way>
    Then the answer is <status>

    Examples:
      | bytes | way       | status |
      | 1024  | at once   | 200    |
      | 1025  | at once   | 413    |
      | 1024  | in chunks | 200    |
      | 1025  | in chunks | 413    |

  Scenario: Too large a body that is announced first
    When 1025 bytes are announced
    Then the answer is 413
