// How the hub is given what a scan reads.
import type { ReactNode } from 'react';

export function Grant(): ReactNode {
  return (
    <pre className="json" lang="en">
      {
        'sallyport scan rbac | kubectl apply -f -\nkubectl create clusterrolebinding sallyport-hub-scan \\\n  --clusterrole=sallyport-scan --serviceaccount=sallyport:hub'
      }
    </pre>
  );
}
