// The page of a book. Two mistakes stand here, for the first matrix to find:
// nobody limits the wait for the ratings, and a broken books service is answered with 500.
'use strict';
const { serve } = require('./listen');

const ask = async (base, path, options) => {
  const answer = await fetch(base + path, options);
  return [answer.status, await answer.json()];
};

serve(async (url) => {
  const id = url.pathname.split('/')[2];
  try {
    const [status, book] = await ask(process.env.BOOKS_URL, `/books/${id}`, { signal: AbortSignal.timeout(500) });
    if (status !== 200) return [status, book];
    const rating = await ask(process.env.RATINGS_URL, `/ratings/${id}`).then(([, found]) => found, () => null);
    return [200, { ...book, rating }];
  } catch (error) {
    return [500, { detail: String(error) }];
  }
});
