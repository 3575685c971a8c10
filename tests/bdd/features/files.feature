Feature: Watched files
  A file leads its tenant: a change is served, a mistake is told and changes nothing.

  Scenario: A file that changes, breaks, and owns its tenant
    Given a service stable
    And a service canary
    And the file shop.yaml
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams: { shop: { variants: { stable: { addresses: [ '<stable>' ] } } } }
      routes: [ { name: all, rules: [ { upstream: shop } ] } ]
      """
    And a running gateway with "--bundle <folder>/shop.yaml --watch"
    When GET / is requested
    Then in time stable answers
    When the file shop.yaml becomes
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams: { shop: { variants: { stable: { addresses: [ '<canary>' ] } } } }
      routes: [ { name: all, rules: [ { upstream: shop } ] } ]
      """
    Then in time canary answers
    When the file shop.yaml becomes
      """
      routes: [
      """
    Then in time /v1/sources tells "rror"
    When it is requested again
    Then canary answers
    When DELETE /v1/tenants/shop/bundle is called
    Then the API answers 409
