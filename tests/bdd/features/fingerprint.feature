Feature: Devices that are known again
  With their users' consent, browsers are given an id that releases have buckets for.

  Background:
    Given a running gateway with "--fingerprint"
    And a service stable
    And a service canary
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams: { shop: { variants: { stable: { addresses: ["<stable>"] }, canary: { addresses: ["<canary>"] } } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases:
        shop-v2:
          upstream: shop
          unit: [ device.id ]
          unitMissing: stable
          default: { split: { canary: 100% } }
      """

  Scenario: A page loads the script
    When GET /.well-known/halftone/fingerprint.js is requested
    Then the answer is 200
    And the answer's Content-Type says "text/javascript"

  Scenario: A device that consents is given an id, and met by it
    When GET / is requested
    Then in time stable answers
    When the features of a device are sent
    Then the answer is 204
    And the answer's Set-Cookie says "__Host-halftone-device="
    And the answer's Set-Cookie says "Secure; HttpOnly"
    When the cookie is sent back
    Then canary answers
    When GET / is requested with "Cookie: __Host-halftone-device=AAAAAAAAAAAAAAAAAAAAAA~692~x.0.k1.y"
    Then stable answers

  Scenario: Consent is withdrawn
    When DELETE /.well-known/halftone/fingerprint is requested with "Sec-Fetch-Site: same-origin"
    Then the answer is 204
    And the answer's Set-Cookie says "Max-Age=0"

  Scenario: Without consent, and from another origin, there is no id
    When the features of a device are sent without consent
    Then the answer is 403
    And the answer has no Set-Cookie
    When the features of a device are sent from another origin
    Then the answer is 403
    And the answer has no Set-Cookie

  Scenario: A gateway needs keys to give ids
    When `halftone gateway --fingerprint --data <folder>/none` is run
    Then it ends with 1
    And it prints "make one with `halftone keys add`"
