Feature: Validation
  Every mistake at once, each with its place; and what is wrong changes nothing.

  Background:
    Given a running gateway with stable and canary of the shop

  Scenario: A dry run tells what would be, and changes nothing
    When PUT /v1/tenants/shop/bundle?dryRun=true is called
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams: { shop: { variants: { stable: { select: { service: shop, group: canary } } } } }
      routes: [ { name: all, rules: [ { upstream: shop } ] } ]
      """
    Then the API answers 200
    When GET / is requested
    Then stable answers

  Scenario: All problems of a bundle, with their places
    When PUT /v1/tenants/shop/bundle is called
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams:
        shop: { variants: { stable: { addresses: [ 'nowhere' ] } } }
      routes:
        - name: all
          rules: [ { release: absent } ]
      """
    Then the API answers 422
    And the API tells "nowhere"
    And the API tells "absent"
    And the API tells "line"
    When GET / is requested
    Then stable answers

  Scenario: A field that is misspelt
    When PUT /v1/tenants/shop/bundle is called
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams: { shop: { variants: { stable: { adresses: [ '127.0.0.1:1' ] } } } }
      """
    Then the API answers 422
    And the API tells "adresses"

  Scenario: An expression without quotes is told to have some
    When PUT /v1/tenants/shop/bundle is called
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      attributes: { user.age: { type: int, from: [ { header: x-age, trusted: true } ], alias: age } }
      releases:
        a: { targets: [ { id: t, when: age > 18 && city in ['a','b'], variant: canary } ] }
      """
    Then the API answers 400
    And the API tells "put the expression in quotes, as a whole"
    And the API tells '"line":6'

  Scenario: A release of a service that has stable alone
    When PUT /v1/tenants/shop/bundle is called
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams: { shop: { variants: { stable: { select: { service: shop } } } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases: { shop-v2: { upstream: shop, default: { variant: stable } } }
      """
    Then the API answers 422
    And the API tells '"path":"releases.shop-v2.upstream"'
    And the API tells "has no variant beside stable"
