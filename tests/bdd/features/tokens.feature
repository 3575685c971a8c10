Feature: Tokens of callers
  Attributes come from the claims of JSON Web Tokens, once the issuer's key has verified them.

  Background:
    Given the keys jwks.json of k1
    And a running gateway with "--jwks https://id.example.com=<folder>/jwks.json --audience https://id.example.com=shop"
    And a service stable
    And a service canary
    And stable is registered as stable of shop
    And canary is registered as canary of shop
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      attributes:
        user.id:    { type: string, from: [ { jwt: sub } ] }
        user.level: { type: int, from: [ { jwt: realm.level } ], alias: level }
      upstreams: { shop: { variants: { stable: { select: { service: shop, group: stable } }, canary: { select: { service: shop, group: canary } } } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases:
        shop-v2:
          upstream: shop
          targets: [ { id: high, when: "level >= 3", variant: canary } ]
          default: { variant: stable }
      """

  Scenario: A claim decides while its token is good
    When GET / is requested with a token of k1 that says
      """
      { "iss": "https://id.example.com", "aud": "shop", "exp": 32503680000, "sub": "u7", "realm": { "level": 3 } }
      """
    Then in time canary answers
    When GET / is requested with a token of k1 that says
      """
      { "iss": "https://id.example.com", "aud": "shop", "exp": 32503680000, "sub": "u7", "realm": { "level": 2 } }
      """
    Then stable answers

  Scenario: An expired token, another's audience and another's key say nothing
    When GET / is requested with a token of k1 that says
      """
      { "iss": "https://id.example.com", "aud": "shop", "exp": 1000, "realm": { "level": 3 } }
      """
    Then stable answers
    When GET / is requested with a token of k1 that says
      """
      { "iss": "https://id.example.com", "aud": "billing", "exp": 32503680000, "realm": { "level": 3 } }
      """
    Then stable answers
    When GET / is requested with a token of k2 that says
      """
      { "iss": "https://id.example.com", "aud": "shop", "exp": 32503680000, "realm": { "level": 3 } }
      """
    Then stable answers

  Scenario: Keys rotate without a restart
    When the keys jwks.json of k2
    And GET / is requested with a token of k2 that says
      """
      { "iss": "https://id.example.com", "aud": "shop", "exp": 32503680000, "realm": { "level": 3 } }
      """
    Then in time canary answers
    And in time `halftone status --api http://<api>` prints "https://id.example.com, key k2"
    When the file jwks.json becomes
      """
      <html>the identity provider is away</html>
      """
    Then in time `halftone status --api http://<api>` prints "not used: expected a JWKS document"
    When it is requested again
    Then canary answers
