Feature: Releases
  Some meet the canary: by name, by audience, or by share; and who met it keeps it.

  Background:
    Given a service stable
    And a service canary

  Scenario: A trusted caller asks for a version by name
    Given a running gateway with "--trusted 127.0.0.0/8 --upstream http://<stable>"
    And canary is registered as canary of shop
    When GET / is requested with "X-Release-Group: canary"
    Then canary answers
    And the log's last line has "variant=canary, reason=OVERRIDE"

  Scenario: An untrusted caller does not, and its claim is not passed on
    Given a running gateway with "--trusted none --upstream http://<stable>"
    And canary is registered as canary of shop
    When GET / is requested with "X-Release-Group: canary"
    Then stable answers
    And stable was sent no "X-Release-Group"

  Scenario: An audience meets the canary until it expires
    Given a running gateway
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams:
        shop: { variants: { stable: { addresses: [ '<stable>' ] }, canary: { addresses: [ '<canary>' ] } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases:
        shop-v2:
          upstream: shop
          targets:
            - { id: qa, match: { headers: [ { name: x-qa, value: '1' } ] }, variant: canary }
            - { id: friends, match: { cookies: [ { name: friend, value: 'yes' } ] }, variant: canary }
            - { id: past, match: { headers: [ { name: x-past, value: '1' } ] }, variant: canary, expiresAt: 2020-01-01T00:00:00Z }
          default: { variant: stable }
      """
    When GET / is requested with "X-Qa: 1"
    Then canary answers
    When GET / is requested with "Cookie: theme=dark; friend=yes"
    Then canary answers
    When GET / is requested with "X-Past: 1"
    Then stable answers

  Scenario: A share of the users, each always the same way, and a ramp that throws nobody out
    Given a running gateway
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      attributes: { user.id: { type: string, from: [ { header: x-user-id, trusted: true } ] } }
      upstreams:
        shop: { variants: { stable: { addresses: [ '<stable>' ] }, canary: { addresses: [ '<canary>' ] } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases: { shop-v2: { upstream: shop, unit: [ user.id ], default: { split: scheduled } } }
      """
    When 200 users ask
    Then between 0 and 0 of them met canary
    When POST /v1/tenants/shop/releases/shop-v2:setWeight is called
      """
      { "weight": "20%" }
      """
    Then the API answers 200
    When 200 users ask
    Then between 20 and 60 of them met canary
    And nobody who met canary meets another when they ask again
    When POST /v1/tenants/shop/releases/shop-v2:setWeight is called
      """
      { "weight": "50%" }
      """
    Then nobody who met canary meets another when they ask again
    And between 70 and 130 of them met canary

  Scenario: A canary without a healthy instance falls back to stable
    Given a running gateway
    And stable is registered as stable of shop
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams:
        shop: { variants: { stable: { addresses: [ '<stable>' ] }, canary: { select: { service: shop, group: nobody } } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases: { shop-v2: { upstream: shop, default: { variant: canary }, onNoHealthy: { canary: fallback-stable } } }
      """
    When GET / is requested
    Then stable answers

  Scenario: A connection that is kept meets the new rules with its next request
    Given a running gateway with stable and canary of the shop
    And a connection that is kept
    When GET / is requested
    Then stable answers
    When the bundle becomes
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams: { shop: { variants: { stable: { select: { service: shop, group: canary } } } } }
      routes: [ { name: all, rules: [ { upstream: shop } ] } ]
      """
    And it is requested again
    Then canary answers

  Scenario: A pulled kill switch sends everyone to stable, and is shown
    Given a running gateway
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams:
        shop: { variants: { stable: { addresses: [ '<stable>' ] }, canary: { addresses: [ '<canary>' ] } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases: { shop-v2: { upstream: shop, disabled: true, default: { variant: canary } } }
      """
    When GET / is requested
    Then stable answers
    And in time `halftone status --api http://<api>` prints "release shop/shop-v2"
    And in time `halftone status --api http://<api>` prints "disabled: everyone goes to stable"
