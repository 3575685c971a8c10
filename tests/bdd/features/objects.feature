Feature: Objects of a bundle
  One line of a large policy is changed without sending the rest of it.

  Background:
    Given a service stable
    And a service canary
    And a running gateway
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams:
        shop: { variants: { stable: { addresses: [ '<stable>' ] }, canary: { addresses: [ '<canary>' ] } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases: { shop-v2: { upstream: shop, default: { variant: stable } } }
      """

  Scenario: A release is changed alone
    When PUT /v1/tenants/shop/bundle/releases/shop-v2 is called
      """
      { "upstream": "shop", "default": { "variant": "canary" } }
      """
    Then the API answers 200
    And the API tells 'applied":true'
    When GET / is requested
    Then canary answers

  Scenario: What is missed elsewhere is told
    When DELETE /v1/tenants/shop/bundle/releases/shop-v2 is called
    Then the API answers 422
    And the API tells 'routes[0].rules[0].release'
    When GET / is requested
    Then stable answers
