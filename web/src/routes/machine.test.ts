import { expect, test } from 'vitest';
import { isLoopback } from './Machine';

test.each([
  ['http://127.0.0.1:4711/signed-in?code=a&state=b', true],
  ['http://127.0.0.1:4711/signed-in?error=denied&state=b', true],
  ['https://127.0.0.1:4711/signed-in?code=a', false],
  ['http://127.0.0.1:4711@evil.example/signed-in?code=a', false],
  ['http://127.0.0.1.evil.example:80/signed-in?code=a', false],
  ['http://localhost:4711/signed-in?code=a', false],
  ['javascript:alert(1)//http://127.0.0.1:1/signed-in?', false],
])('%s is the own machine: %s', (address, expected) => expect(isLoopback(address)).toBe(expected));
