Feature: Chains
  Whoever meets the canary of one service meets it in those behind it, as long as services send on what they were sent.

  Background:
    Given a running gateway
    And a service pay-stable
    And a service pay-canary
    And a service cart that asks pay.example.com and sends on its baggage
    And a service careless that asks pay.example.com and sends on nothing
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams:
        cart: { variants: { stable: { addresses: [ '<careless>' ] }, canary: { addresses: [ '<cart>' ] } } }
        pay: { variants: { stable: { addresses: [ '<pay-stable>' ] }, canary: { addresses: [ '<pay-canary>' ] } } }
      routes:
        - { name: cart, hostnames: [ cart.example.com ], rules: [ { release: cart-v2 } ] }
        - { name: careless, hostnames: [ careless.example.com ], rules: [ { release: careless } ] }
        - { name: pay, hostnames: [ pay.example.com ], rules: [ { release: pay-v2 } ] }
      releases:
        cart-v2: { upstream: cart, propagate: { baggage: release.shop }, default: { split: { canary: 100% } } }
        careless: { upstream: cart, propagate: { baggage: release.shop }, default: { variant: stable } }
        pay-v2: { upstream: pay, propagate: { baggage: release.shop }, default: { variant: stable } }
      """

  Scenario: The second hop keeps what the first decided
    When GET / is requested with "Host: cart.example.com"
    Then cart+pay-canary answers
    And pay-canary was sent the baggage "release.shop=canary"

  Scenario: Who comes by itself is decided by the service's own release
    When GET / is requested with "Host: pay.example.com"
    Then pay-stable answers

  Scenario: What else is in the baggage goes on
    When GET / is requested with "Host: cart.example.com" and "Baggage: userId=alice"
    Then cart+pay-canary answers
    And pay-canary was sent the baggage "release.shop=canary,userId=alice"

  Scenario: A service that loses the tag is seen
    When GET / is requested with "Host: careless.example.com"
    Then careless+pay-stable answers
    And in time /v1/gateways tells '"lost":1'
    And in time `halftone status --api http://<api>` prints "shop/pay-v2: lost 1"
