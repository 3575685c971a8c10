Feature: History
  Every bundle that was served can be served again.

  Scenario: Back to an earlier revision
    Given a service stable
    And a service canary
    And a running gateway
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams: { shop: { variants: { stable: { addresses: [ '<stable>' ] } } } }
      routes: [ { name: all, rules: [ { upstream: shop } ] } ]
      """
    When the bundle becomes
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams: { shop: { variants: { stable: { addresses: [ '<canary>' ] } } } }
      routes: [ { name: all, rules: [ { upstream: shop } ] } ]
      """
    And GET / is requested
    Then canary answers
    When GET /v1/tenants/shop/revisions is called
    Then the API tells 'revision":2'
    And the API tells 'revision":3'
    When POST /v1/tenants/shop:rollback is called
      """
      { "revision": 2 }
      """
    Then the API answers 200
    When GET / is requested
    Then stable answers
