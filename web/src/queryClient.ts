// The one cache of what the hub answered.
import { QueryClient } from '@tanstack/react-query';
import { ApiProblem } from './api/problem';

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // A clear "no" is not asked again; a hub that was away for a moment is.
      retry: (failures, error) =>
        failures < 2 && !(error instanceof ApiProblem && error.problem.status >= 400 && error.problem.status < 500),
      refetchOnWindowFocus: true,
    },
  },
});
