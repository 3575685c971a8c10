Feature: Signed values
  What only the holder of a key can have written, and what the gateway has callers remember.

  Scenario: A key file is made, rotated, and says no secret
    When `halftone keys add --id old --keys <folder>/keys` is run
    Then it ends with 0
    When `halftone keys rotate --id new --keys <folder>/keys` is run
    Then it prints "new              signs and verifies"
    And it prints "old              verifies"
    When `halftone keys remove nobody --keys <folder>/keys` is run
    Then it ends with 1
    And it prints "there is new, old"

  Scenario: A caller without a unit is given one, and stays where it is
    Given a running gateway with stable and canary of the shop
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      attributes: { user.id: { type: string, from: [ { cookie: uid, signed: true } ] } }
      upstreams: { shop: { variants: { stable: { select: { service: shop, group: stable } }, canary: { select: { service: shop, group: canary } } } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases:
        shop-v2:
          upstream: shop
          unit: [ user.id ]
          unitMissing: mint
          default: { split: { canary: 100% } }
      """
    When GET / is requested
    Then in time canary answers
    And the answer's Set-Cookie says "__Host-halftone-unit="
    And the answer's Cache-Control says "private"
    When the cookie is sent back
    Then canary answers
    And the answer has no Set-Cookie
    When GET / is requested with "Host: shop.example.com"
    Then stable answers
    And the answer has no Set-Cookie

  Scenario: Who is pinned stays when the weight falls
    Given a running gateway with stable and canary of the shop
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams: { shop: { variants: { stable: { select: { service: shop, group: stable } }, canary: { select: { service: shop, group: canary } } } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases:
        shop-v2: { upstream: shop, stickiness: pinned, default: { split: scheduled } }
      """
    When POST /v1/tenants/shop/releases/shop-v2:setWeight is called
      """
      { "weight": "100%" }
      """
    And GET / is requested
    Then in time canary answers
    When POST /v1/tenants/shop/releases/shop-v2:setWeight is called
      """
      { "weight": "0%" }
      """
    And the cookie is sent back
    Then canary answers
    When GET / is requested
    Then in time stable answers

  Scenario: An override that has to be signed takes no word for it
    Given a running gateway with stable and canary of the shop
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams: { shop: { variants: { stable: { select: { service: shop, group: stable } }, canary: { select: { service: shop, group: canary } } } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases:
        shop-v2:
          upstream: shop
          overrides: [ { header: X-Release-Group, requires: signed } ]
          default: { variant: stable }
      """
    When GET / is requested with a token of `halftone sign override canary --tenant shop --release shop-v2 --data <data>` in X-Release-Group
    Then in time canary answers
    When GET / is requested with a token of `halftone sign override canary --tenant shop --release other --data <data>` in X-Release-Group
    Then stable answers
    When GET / is requested with "X-Release-Group: canary"
    Then stable answers

  Scenario: A holder of a token is told the decision
    Given a running gateway with stable and canary of the shop
    When GET / is requested with a token of `halftone sign explain localhost --data <data>` in X-Halftone-Explain
    Then in time stable answers
    And the answer's X-Halftone-Decision says 'variant="stable"'
    When GET / is requested with a token of `halftone sign explain elsewhere --data <data>` in X-Halftone-Explain
    Then stable answers
    And the answer has no X-Halftone-Decision
