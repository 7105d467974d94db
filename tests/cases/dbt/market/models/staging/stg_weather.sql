select seen_on as day, weather from {{ source('station', 'observations') }}
